/**
 * What `console.log()` shows of a handle. Its state is private, so that nothing
 * but the name of its class would be shown.
 *
 * @module
 */

/** A class of handles. */
interface HandleClass<T> {
  readonly prototype: T;
}

/**
 * Lets `console.log()` show what `fields` gives of an object, and `closed: true`
 * of a closed one: `SysvMessageQueue { id: 5, key: "0x0000002a" }`.
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

/** What is to be had: not all is of a closed object, nothing of a prototype. */
function fieldsOf(
  fields: () => Record<string, unknown>,
): Record<string, unknown> {
  try {
    return fields();
  } catch {
    return {};
  }
}
