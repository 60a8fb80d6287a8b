/**
 * The architecture, for the headers in which something depends on it.
 *
 * @module
 */

/**
 * Whether this is x86_64; anything else gets the generic numbers and layouts of
 * Linux, which are those of aarch64.
 */
export const X86: boolean = Deno.build.arch === "x86_64";
