import { format as native } from "node:path";
import { SEPARATOR } from "./constants.ts";
import type { ParsedPath } from "./types.ts";

/**
 * Makes a path of its parts; `dir` counts before `root`, `base` before `name`
 * and `ext`.
 *
 * @example A path from its parts
 * ```ts
 * import { format } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(format({ dir: "/bench", base: "mod.ts" }), "/bench/mod.ts");
 * assertEquals(format({ root: "/", name: "mod", ext: ".ts" }), "/mod.ts");
 * ```
 *
 * @throws {TypeError} If `pathObject` is not an object.
 */
export function format(pathObject: Partial<ParsedPath>): string {
  if (pathObject === null || typeof pathObject !== "object") {
    throw new TypeError(
      'The "pathObject" argument must be of type Object, ' +
        `received type "${typeof pathObject}"`,
    );
  }
  const { root = "", dir = "", name = "", ext = "" } = pathObject;
  // Node would put a dot before an extension that has none.
  const base = pathObject.base || name + ext;
  const parent = dir || root;
  return base === SEPARATOR && parent !== ""
    ? parent
    : native({ root, dir, base });
}
