import { basename as native } from "node:path";
import { withoutTrailing } from "./_separators.ts";

/**
 * Returns the last part of a path, without the suffix if it has it.
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
  // The last part of a root is the root itself; Node returns an empty string.
  return native(path, suffix) || withoutTrailing(path);
}
