import { fileURLToPath } from "node:url";
import { SEPARATOR } from "./constants.ts";

/** A percent sign that does not start an escape. */
const LONE_PERCENT = /%(?![0-9A-Fa-f]{2})/g;

/**
 * Returns the path of a `file:` URL.
 *
 * @example The path of a URL
 * ```ts
 * import { fromFileUrl } from "@std/path";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(fromFileUrl("file:///dev/a%20ring"), "/dev/a ring");
 * ```
 *
 * @throws {TypeError} If it is not a `file:` URL.
 */
export function fromFileUrl(url: URL | string): string {
  const { protocol, pathname, href } = new URL(url);
  if (protocol !== "file:") {
    throw new TypeError(`URL must be a file URL: received "${protocol}"`);
  }
  if (SEPARATOR === "\\") return fileURLToPath(href);
  return decodeURIComponent(pathname.replace(LONE_PERCENT, "%25"));
}
