/**
 * The token that only this library has.
 *
 * @module
 */

/**
 * The first argument of constructors that users must not call: wrong arguments
 * would reach foreign memory.
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
