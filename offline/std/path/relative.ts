import { relative as native } from "node:path";

/**
 * Returns the relative path from one path to another.
 *
 * @example From a directory to a file
 * ```ts
 * import { relative } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(relative("/proc/sysvipc", "/proc/self/maps"), "../self/maps");
 * ```
 */
export function relative(from: string, to: string): string {
  return native(from, to);
}
