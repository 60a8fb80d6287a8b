/**
 * Stand-in for `@std/cli`: arguments and text widths, with the names,
 * signatures and behaviour of the real package.
 *
 * @example Read the arguments of a command
 * ```ts
 * import { parseArgs } from "@std/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const args = parseArgs(["--json", "ring"], { boolean: ["json"] });
 * assertEquals(args, { json: true, _: ["ring"] });
 * ```
 *
 * @module
 */

export * from "./parse_args.ts";
export * from "./unicode_width.ts";
