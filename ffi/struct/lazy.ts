/**
 * Structs that are laid out when they are first used: {@linkcode lazyStruct}.
 *
 * @module
 */

import { layoutOf, setLayout } from "./_layout.ts";
import {
  type AtomicField,
  type AtomicName,
  type AtomicValue,
  type Fields,
  type PartialValues,
  type Struct,
  struct,
  type StructSource,
  type Values,
  type View,
} from "./struct.ts";

/**
 * As {@linkcode struct}, but laid out when it is first used: for the C headers,
 * whose structs every program imports, and of which it uses few.
 */
export function lazyStruct<const F extends Fields>(fields: F): Struct<F> {
  return new LazyStruct(fields);
}

class LazyStruct<F extends Fields> implements Struct<F> {
  readonly kind = "struct";
  readonly fields: F;
  #made: Struct<F> | undefined;

  constructor(fields: F) {
    // What is laid out later must be what was declared.
    this.fields = Object.freeze(fields);
    setLayout(this, () => layoutOf(this.#struct));
    Object.freeze(this);
  }

  get #struct(): Struct<F> {
    return this.#made ??= struct(this.fields);
  }

  get size(): number {
    return this.#struct.size;
  }

  get align(): number {
    return this.#struct.align;
  }

  get offsets(): { readonly [K in keyof F]: number } {
    return this.#struct.offsets;
  }

  get hash(): bigint {
    return this.#struct.hash;
  }

  packed(): Struct<F> {
    return this.#struct.packed();
  }

  view(source: StructSource, offset?: number): View<F> {
    return this.#struct.view(source, offset);
  }

  read(source: StructSource, offset?: number): Values<F> {
    return this.#struct.read(source, offset);
  }

  write(target: StructSource, values: PartialValues<F>, offset?: number): void {
    this.#struct.write(target, values, offset);
  }

  atomic<K extends AtomicName<F>>(
    target: StructSource,
    field: K,
    offset?: number,
  ): AtomicField<AtomicValue<F[K]>> {
    return this.#struct.atomic(target, field, offset);
  }

  toC(name: string): string {
    return this.#struct.toC(name);
  }

  /** What `console.log()` shows: the struct, and nothing of a prototype. */
  [Symbol.for("Deno.customInspect")](
    inspect: typeof Deno.inspect,
    options: Deno.InspectOptions,
  ): string {
    return #made in this ? inspect(this.#struct, options) : "LazyStruct {}";
  }
}
