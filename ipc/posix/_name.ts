/**
 * Names of POSIX objects: shared memory, semaphores, message queues.
 *
 * @module
 */

import { unless } from "../../ffi/errno.ts";
import { NAME_MAX } from "../../ffi/libc/limits.ts";
import { shown } from "../core/convert/argument.ts";

const encoder = new TextEncoder();

/**
 * Checks and returns the name of a POSIX object.
 *
 * The C library reports a bad name with one of five errors, depending on call
 * and length, and takes a NUL as its end. So names are checked here.
 *
 * @param name A slash and at least one more character, none of them a slash.
 * @param max Most bytes in UTF-8, including the slash, by default the limit of
 * shared memory and queues.
 * @throws {TypeError} When the name is anything else.
 */
export function posixName(name: string, max: number = NAME_MAX): string {
  if (typeof name !== "string") {
    throw new TypeError(`name must be a string, got ${shown(name)}`);
  }
  const flaw = flawOf(name, max);
  if (flaw !== undefined) {
    throw new TypeError(`name must ${flaw}, got ${JSON.stringify(name)}`);
  }
  return name;
}

function flawOf(name: string, max: number): string | undefined {
  if (!name.startsWith("/")) return "begin with a slash";
  if (name.length === 1) return "have a character after its slash";
  if (name.includes("/", 1)) return "have no slash but the first";
  if (name.includes("\0")) return "not contain a NUL character";
  if (name === "/." || name === "/..") return "not be that of a directory";
  // The encoder would silently replace it.
  if (!name.isWellFormed()) return "not contain a lone surrogate";
  const bytes = encoder.encode(name).length;
  return bytes > max ? `have at most ${max} bytes, not ${bytes}` : undefined;
}

/**
 * Returns a random name, which is in use with a chance of 1 in 2^64.
 *
 * @param prefix Its start: a slash and the name of its maker.
 */
export function generatedName(prefix = "/libc-ipc-"): string {
  const random = crypto.getRandomValues(new BigUint64Array(1));
  return posixName(`${prefix}${(random[0] ?? 0n).toString(36)}`);
}

/**
 * Creates an object under a name, or under a generated name when it is null. A
 * generated name that is taken is replaced by another.
 *
 * @param create Creates it exclusively, and throws `EEXIST` when it exists.
 */
export function createNamed<T>(
  name: string | null,
  create: (name: string) => T,
  max: number = NAME_MAX,
): T {
  if (name !== null) return create(posixName(name, max));
  for (;;) {
    const made = unless("EEXIST", () => create(generatedName()));
    if (made !== undefined) return made;
  }
}
