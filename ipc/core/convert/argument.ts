/**
 * Checks of arguments, made before any call.
 *
 * @module
 */

/** Checks and returns an integer from `min` to `max`. */
export function integer(
  value: number,
  what: string,
  min: number,
  max: number,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${shown(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(
      `${what} must be an integer from ${min} to ${max}, got ${shown(value)}`,
    );
  }
  return value;
}

/** Checks and returns a size in bytes, by default 0 to 2^53-1. */
export function size(
  value: number,
  what: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  return integer(value, what, min, max);
}

/** Checks and returns permission bits, by default up to four octal digits. */
export function checkMode(mode: number, max = 0o7777): number {
  if (typeof mode !== "number") {
    throw new TypeError(`mode must be a number, got ${shown(mode)}`);
  }
  const isNatural = Number.isInteger(mode) && mode >= 0;
  if (!isNatural || mode > max) {
    throw new RangeError(
      `mode must be permission bits from 0 to 0o${max.toString(8)}, got ${
        isNatural ? `0o${mode.toString(8)}` : mode
      }`,
    );
  }
  return mode;
}

/** Formats a value for a message. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : "an object";
    case "function":
      return "a function";
    default:
      return String(value);
  }
}
