/**
 * The architecture, for headers that depend on it.
 *
 * @module
 */

/**
 * Whether this is x86_64. Other architectures get the generic numbers and
 * layouts of Linux, which aarch64 uses.
 */
export const X86: boolean = Deno.build.arch === "x86_64";
