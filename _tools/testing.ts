/**
 * Small repositories for the tests of the tools.
 *
 * @module
 */

import { esbuild } from "./bundle.ts";

/** Why tests that bundle are skipped; empty when they are not. */
export async function whyNoBundle(): Promise<string> {
  const { success } = await esbuild(["--version"]);
  return success ? "" : " [skipped: esbuild cannot be had from npm]";
}

/** The contents of files by path. */
export type Files = Record<string, string>;

/** Writes files below a temporary folder, calls back, and removes them. */
export async function withRepository<T>(
  files: Files,
  use: (root: string) => T | Promise<T>,
): Promise<T> {
  const root = `${await Deno.makeTempDir({ prefix: "ipc_tools_" })}/`;
  try {
    for (const [path, text] of Object.entries(files)) {
      const file = `${root}${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.writeTextFile(file, text);
    }
    return await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
