/**
 * Structs that are laid out on first use: {@linkcode lazyStruct}.
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
 * Makes a {@linkcode struct} that is laid out on first use. The C headers use
 * this: every program imports all their structs and uses few of them.
 */
export function lazyStruct<const F extends Fields>(fields: F): Struct<F> {
  return new LazyStruct(fields);
}

class LazyStruct<F extends Fields> implements Struct<F> {
  readonly kind = "struct";
  readonly fields: F;
  #made: Struct<F> | undefined;

  constructor(fields: F) {
    // The fields must not change before they are laid out.
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

  /** `console.log()` shows the struct, but no fields for a prototype. */
  [Symbol.for("Deno.customInspect")](
    inspect: typeof Deno.inspect,
    options: Deno.InspectOptions,
  ): string {
    return #made in this ? inspect(this.#struct, options) : "LazyStruct {}";
  }
}
