import { format as native } from "node:path";
import { SEPARATOR } from "./constants.ts";
import type { ParsedPath } from "./types.ts";

/**
 * Makes a path from its parts; `dir` takes precedence over `root`, and `base`
 * over `name` and `ext`.
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
  // Node would add a dot to an extension without one.
  const base = pathObject.base || name + ext;
  const parent = dir || root;
  return base === SEPARATOR && parent !== ""
    ? parent
    : native({ root, dir, base });
}
