/**
 * Paths that do not depend on the working directory.
 *
 * @module
 */

import { cstring, pathString } from "../../../ffi/cstring.ts";
import { checkPtr } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { PATH_MAX } from "../../../ffi/libc/limits.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";

/**
 * `getcwd`: returns the absolute path of a path or `file:` URL. An absolute
 * path is returned as it is.
 *
 * @throws {TypeError} When it is empty, contains a NUL, or is another kind of
 * URL.
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
