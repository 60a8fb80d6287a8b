import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Returns the `file:` URL of an absolute path.
 *
 * @example The URL of a path
 * ```ts
 * import { toFileUrl } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(toFileUrl("/dev/a ring").href, "file:///dev/a%20ring");
 * ```
 *
 * @throws {TypeError} If the path is relative.
 */
export function toFileUrl(path: string): URL {
  if (!isAbsolute(path)) {
    throw new TypeError(`Path must be absolute: received "${path}"`);
  }
  return new URL(pathToFileURL(path).href);
}
