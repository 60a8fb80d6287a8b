/**
 * Stand-in for `@std/path`: the functions that this repository uses, with the
 * names, signatures and behaviour of the real package.
 *
 * @example Take a path apart
 * ```ts
 * import { basename, join } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(basename(join("dev", "shm", "ring.lock"), ".lock"), "ring");
 * ```
 *
 * @module
 */

export * from "./basename.ts";
export * from "./constants.ts";
export * from "./dirname.ts";
export * from "./extname.ts";
export * from "./format.ts";
export * from "./from_file_url.ts";
export * from "./is_absolute.ts";
export * from "./join.ts";
export * from "./normalize.ts";
export * from "./parse.ts";
export * from "./relative.ts";
export * from "./resolve.ts";
export * from "./to_file_url.ts";
export * from "./types.ts";
