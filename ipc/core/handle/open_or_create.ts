/**
 * Opening what is there, or creating it.
 *
 * @module
 */

import { unless } from "../../../ffi/errno.ts";

/**
 * Opens an object, or creates it when there is none, however many others try
 * the same at once.
 */
export function openOrCreate<T>(
  open: () => T,
  create: () => T,
): T {
  for (;;) {
    const object = unless("ENOENT", open) ?? unless("EEXIST", create);
    if (object !== undefined) return object;
  }
}
