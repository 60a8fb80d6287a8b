/**
 * Memory by its address.
 *
 * @module
 */

/** Where the bytes of a view are: it must live as long as C looks there. */
export function memoryAddress(view: ArrayBufferView<ArrayBuffer>): bigint {
  // Asking for the buffer moves a small view off the heap of V8, for good.
  const { buffer, byteOffset } = view;
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)) +
    BigInt(byteOffset);
}

/** A `struct iovec` of so many bytes at an address. */
export function iovecOf(
  address: bigint,
  length: number,
): BigUint64Array<ArrayBuffer> {
  return new BigUint64Array([address, BigInt(length)]);
}
