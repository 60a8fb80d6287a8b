import { parse as native } from "node:path";
import { withoutTrailing } from "./_separators.ts";
import type { ParsedPath } from "./types.ts";

/**
 * Splits a path into its parts.
 *
 * @example The parts of a path
 * ```ts
 * import { parse } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parse("/bench/mod.ts"), {
 *   root: "/",
 *   dir: "/bench",
 *   base: "mod.ts",
 *   ext: ".ts",
 *   name: "mod",
 * });
 * ```
 */
export function parse(path: string): ParsedPath {
  const { root, dir, base, ext, name } = native(path);
  // The last part of a root is the root itself; Node returns an empty string.
  return { root, dir: withoutTrailing(dir), base: base || root, ext, name };
}
