/**
 * The output of `console.log()` for handles. Their state is private, so it
 * would show only the class name.
 *
 * @module
 */

/** A class of handles. */
interface HandleClass<T> {
  readonly prototype: T;
}

/**
 * Makes `console.log()` show the result of `fields`, and `closed: true` for a
 * closed handle: `SysvMessageQueue { id: 5, key: "0x0000002a" }`.
 */
export function showing<T extends { readonly closed: boolean }>(
  shown: HandleClass<T>,
  fields: (handle: T) => Record<string, unknown>,
): void {
  Object.defineProperty(shown.prototype, Symbol.for("Deno.customInspect"), {
    configurable: true,
    writable: true,
    value(this: T, inspect: typeof Deno.inspect, options: Deno.InspectOptions) {
      const found = fieldsOf(() => fields(this));
      const closed = fieldsOf(() => this.closed ? { closed: true } : {});
      return `${this.constructor.name} ${
        inspect({ ...found, ...closed }, options)
      }`;
    },
  });
}

/** Returns the fields, or none when a closed handle or a prototype throws. */
function fieldsOf(
  fields: () => Record<string, unknown>,
): Record<string, unknown> {
  try {
    return fields();
  } catch {
    return {};
  }
}
