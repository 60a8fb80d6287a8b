/**
 * Builds the command as one executable, `dist/ipc`.
 *
 * `deno compile` uses a slim runtime that it downloads from `dl.deno.land`. If
 * that cannot be reached, the result is a shell script that contains the
 * bundled program and the running Deno, and unpacks itself into the user's
 * cache once; it needs `sh`, `tail`, `tar` and `gzip`.
 *
 * @module
 */

import { deno, finish, ROOT } from "./common.ts";

const TARGET = "dist/ipc";
const ENTRY = "cli/mod.ts";
const PERMISSIONS = ["--allow-ffi"];

/** The head of a script whose archive of `deno` and `ipc.js` follows it. */
export function unpacker(digest: string): string {
  const write = (offset: number): string =>
    `#!/bin/sh
set -e
home=\${XDG_CACHE_HOME:-\${HOME:?}/.cache}/libc-ipc/${digest}
if [ ! -x "$home/deno" ]; then
  mkdir -p "$home.$$"
  tail -c +${offset} "$0" | tar -xzf - -C "$home.$$"
  # Another start may have been faster.
  mv -T "$home.$$" "$home" 2>/dev/null || rm -rf "$home.$$"
fi
exec "$home/deno" run --quiet --no-config ${
      PERMISSIONS.join(" ")
    } "$home/ipc.js" "$@"
exit 1
`;
  // The offset counts its own digits.
  let text = write(0);
  while (write(text.length + 1).length !== text.length) {
    text = write(text.length + 1);
  }
  return write(text.length + 1);
}

/** Builds the script that unpacks itself. */
async function selfExtracting(): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "ipc_compile_" });
  try {
    const bundle = await deno(
      ["bundle", "--output", `${folder}/ipc.js`, ENTRY],
    );
    if (!bundle.success) return [bundle.stderr.trim()];
    await Deno.copyFile(Deno.execPath(), `${folder}/deno`);
    await Deno.chmod(`${folder}/deno`, 0o755);
    const archive = await new Deno.Command("tar", {
      args: ["-czf", "-", "-C", folder, "deno", "ipc.js"],
      stdin: "null",
      stderr: "inherit",
    }).output();
    if (!archive.success) return ["Cannot pack the program: tar failed"];
    const digest = await crypto.subtle.digest("SHA-256", archive.stdout);
    const head = unpacker(new Uint8Array(digest).toHex().slice(0, 16));
    await Deno.mkdir(`${ROOT}dist`, { recursive: true });
    await Deno.writeTextFile(`${ROOT}${TARGET}`, head);
    await Deno.writeFile(`${ROOT}${TARGET}`, archive.stdout, { append: true });
    await Deno.chmod(`${ROOT}${TARGET}`, 0o755);
    return [];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { success, stderr } = await deno(
    ["compile", ...PERMISSIONS, "--output", TARGET, ENTRY],
  );
  if (success) return finish([], `Built ${TARGET}`);
  if (!stderr.includes("dl.deno.land")) return finish([stderr.trim()], "");
  finish(
    await selfExtracting(),
    `Built ${TARGET}, a script with Deno in it, since dl.deno.land cannot be reached`,
  );
}

if (import.meta.main) await main();
