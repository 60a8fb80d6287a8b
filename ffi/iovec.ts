/**
 * Memory by its address.
 *
 * @module
 */

/** Where the bytes of a view are: it must live as long as C looks there. */
export function memoryAddress(view: ArrayBufferView<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(view));
}

/** A `struct iovec` of so many bytes at an address. */
export function iovecOf(
  address: bigint,
  length: number,
): BigUint64Array<ArrayBuffer> {
  return new BigUint64Array([address, BigInt(length)]);
}
