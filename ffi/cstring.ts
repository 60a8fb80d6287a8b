/**
 * C strings.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * Encodes a string as UTF-8 with a final NUL, for a `const char *`.
 *
 * @throws {TypeError} When the string contains a NUL, where C would cut it.
 */
export function cstring(text: string, what: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string") {
    throw new TypeError(`${what} must be a string, got ${typeof text}`);
  }
  if (text.includes("\0")) {
    throw new TypeError(
      `${what} must not contain a NUL character, got ${JSON.stringify(text)}`,
    );
  }
  return encoder.encode(`${text}\0`);
}

/**
 * Encodes a path or `file:` URL as a C string.
 *
 * @throws {TypeError} When the URL is not a local `file:` URL or its path is
 * not UTF-8, or when the path is empty or contains a NUL.
 */
export function cpath(
  path: string | URL,
  what: string,
): Uint8Array<ArrayBuffer> {
  return cstring(pathString(path, what), what);
}

/** Returns the path that a string or a `file:` URL names. */
export function pathString(path: string | URL, what: string): string {
  if (path instanceof URL) {
    if (path.protocol !== "file:" || path.host !== "") {
      throw new TypeError(
        `${what} must be a local file: URL, got ${path.href}`,
      );
    }
    return decoded(path, what);
  }
  if (typeof path !== "string" || path === "") {
    throw new TypeError(
      `${what} must be a path, got ${JSON.stringify(path)}`,
    );
  }
  return path;
}

function decoded(url: URL, what: string): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch (cause) {
    throw new TypeError(
      `${what} must be a file: URL of a path in UTF-8, got ${url.href}`,
      { cause },
    );
  }
}
