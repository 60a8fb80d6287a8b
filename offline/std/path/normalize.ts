import { normalize as native } from "node:path";

/**
 * Resolves `.` and `..` in a path and removes repeated separators.
 *
 * @example A path with detours
 * ```ts
 * import { normalize } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(normalize("/dev//./shm/../mqueue"), "/dev/mqueue");
 * ```
 */
export function normalize(path: string): string {
  return native(path);
}
