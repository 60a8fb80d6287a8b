import { resolve as native } from "node:path";

/**
 * Returns an absolute path: takes the parts from right to left until one is
 * absolute, and otherwise the current directory.
 *
 * @example Resolve against a directory
 * ```ts
 * import { resolve } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(resolve("/dev", "shm", "../null"), "/dev/null");
 * ```
 */
export function resolve(...paths: string[]): string {
  return native(...paths);
}
