import { basename as native } from "node:path";
import { withoutTrailing } from "./_separators.ts";

/**
 * Gives the last part of a path, without the suffix if it ends with that.
 *
 * @example The name of a file
 * ```ts
 * import { basename } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(basename("/dev/shm/ring"), "ring");
 * assertEquals(basename("mod.ts", ".ts"), "mod");
 * ```
 */
export function basename(path: string, suffix = ""): string {
  // The last part of a root is the root itself; node gives nothing for it.
  return native(path, suffix) || withoutTrailing(path);
}
