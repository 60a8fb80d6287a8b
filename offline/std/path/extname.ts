import { extname as native } from "node:path";

/**
 * Returns the extension of the last part of a path, with its dot.
 *
 * @example An extension and none
 * ```ts
 * import { extname } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(extname("bench/mod.test.ts"), ".ts");
 * assertEquals(extname(".gitignore"), "");
 * ```
 */
export function extname(path: string): string {
  return native(path);
}
