/**
 * What only this module may hold.
 *
 * @module
 */

/**
 * The first argument of a constructor that a user must not call, because wrong
 * arguments would reach memory that is not ours.
 */
export const INTERNAL: unique symbol = Symbol("@libc/ipc internal");

/** Refuses a constructor call from outside. */
export function onlyInternal(token: unknown, name: string): void {
  if (token !== INTERNAL) {
    throw new TypeError(
      `Cannot construct ${name} directly: use its static methods`,
    );
  }
}
