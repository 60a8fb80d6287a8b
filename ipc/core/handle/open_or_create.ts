/**
 * Opening an object or creating it.
 *
 * @module
 */

import { hasCode } from "../../../ffi/errno.ts";

/**
 * Opens an object, or creates it when it does not exist, even if others do the
 * same at once.
 */
export function openOrCreate<T>(open: () => T, create: () => T): T {
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    try {
      return create();
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}
