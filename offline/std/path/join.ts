import { join as native } from "node:path";

/**
 * Joins the parts of a path and normalizes the result.
 *
 * @example Put parts together
 * ```ts
 * import { join } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(join("/dev", "shm/../mqueue", "q"), "/dev/mqueue/q");
 * ```
 */
export function join(...paths: string[]): string {
  return native(...paths);
}
