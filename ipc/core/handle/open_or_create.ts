/**
 * Opening an object or creating it.
 *
 * @module
 */

import { unless } from "../../../ffi/errno.ts";

/**
 * Opens an object, or creates it when it does not exist, even if others do the
 * same at once.
 */
export function openOrCreate<T extends object>(
  open: () => T,
  create: () => T,
): T {
  for (;;) {
    const object = unless("ENOENT", open) ?? unless("EEXIST", create);
    if (object !== undefined) return object;
  }
}
