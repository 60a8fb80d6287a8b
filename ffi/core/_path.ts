/**
 * Paths that stay what they are when the working directory changes.
 *
 * @module
 */

import { errno } from "../libc/_open.ts";
import { unistd } from "../libc/unistd.ts";
import { cstring, pathString } from "./cstring.ts";
import { checkPtr } from "./errno.ts";

/** `PATH_MAX` of `<limits.h>` */
const PATH_MAX = 4096;

/**
 * `getcwd` before a relative path; a path or `file:` URL that is absolute
 * already is given back.
 *
 * @throws {TypeError} When it is empty, has a NUL inside, or is another URL.
 * @throws {IpcError} `ENOENT` when the working directory has been removed.
 */
export function absolutePath(path: string | URL, what: string): string {
  const text = pathString(path, what);
  cstring(text, what);
  if (text.startsWith("/")) return text;
  const buffer = new Uint8Array(PATH_MAX);
  checkPtr(
    unistd().getcwd(buffer, PATH_MAX),
    errno[0],
    "getcwd",
    "resolve",
    JSON.stringify(text),
  );
  const directory = buffer.subarray(0, buffer.indexOf(0));
  return `${new TextDecoder().decode(directory)}/${text}`;
}
