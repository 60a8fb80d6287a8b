import { isAbsolute as native } from "node:path";

/**
 * Tells whether a path starts at the root.
 *
 * @example Absolute and relative
 * ```ts
 * import { isAbsolute } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isAbsolute("/dev/shm"), true);
 * assertEquals(isAbsolute("dev/shm"), false);
 * ```
 */
export function isAbsolute(path: string): boolean {
  return native(path);
}
