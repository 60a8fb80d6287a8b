import { dirname as native } from "node:path";
import { withoutTrailing } from "./_separators.ts";

/**
 * Returns a path without its last part.
 *
 * @example The directory of a file
 * ```ts
 * import { dirname } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(dirname("/dev/shm/ring"), "/dev/shm");
 * assertEquals(dirname("ring"), ".");
 * ```
 */
export function dirname(path: string): string {
  return withoutTrailing(native(path));
}
