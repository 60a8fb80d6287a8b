/**
 * Streams of bytes as web streams and iterators.
 *
 * @module
 */

import { shown } from "./_argument.ts";
import type { FdReader, FdWriter } from "./byte_stream.ts";

/** Bytes that iterators and web streams read at once. */
export const CHUNK = 65536;

const encoder = new TextEncoder();

/** The bytes to write. */
export function payloadOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (!(data instanceof Uint8Array)) {
    throw new TypeError(
      `data must be a Uint8Array or a string, got ${shown(data)}`,
    );
  }
  if (data.length === 0) checkMemory(data, "data");
  return data;
}

/** Refuses bytes that have none because their memory was taken away. */
export function checkMemory(bytes: Uint8Array, what: string): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.detached) {
    throw new TypeError(`${what} must not be detached`);
  }
  try {
    // Which throws where its buffer was made too short for it.
    bytes.keys();
  } catch {
    throw new TypeError(`${what} must not be out of the bounds of its buffer`);
  }
}

/** Refuses to go on with data that is not as long any more as it was. */
export function checkLength(
  data: Uint8Array,
  length: number,
  action: string,
  object: string,
): void {
  if (data.length === length) return;
  throw new TypeError(
    `Cannot ${action} ${object}: the data was resized or detached meanwhile`,
  );
}

/** Reads to the end, in the pieces in which the bytes come. */
export async function* chunks(
  reader: FdReader,
  size: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  let buffer = new Uint8Array(size);
  for (;;) {
    const count = await reader.read(buffer);
    if (count === null) return;
    if (count < size / 2) {
      // A few bytes must not keep a large buffer alive.
      yield buffer.slice(0, count);
    } else {
      yield buffer.subarray(0, count);
      buffer = new Uint8Array(size);
    }
  }
}

/** The web stream of a reader. */
export function readableOf(
  reader: FdReader,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!request || !view) return;
      let count: number | null;
      try {
        count = await reader.read(
          new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
        );
      } catch (error) {
        reader.close();
        throw error;
      }
      if (count === null) {
        reader.close();
        controller.close();
      }
      request.respond(count ?? 0);
    },
    cancel() {
      reader.close();
    },
  });
}

/** The web stream of a writer. */
export function writableOf(writer: FdWriter): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(chunk, controller) {
      try {
        await writer.write(chunk, { signal: controller.signal });
      } catch (error) {
        writer.close();
        throw error;
      }
    },
    close() {
      writer.close();
    },
    abort() {
      writer.close();
    },
  });
}
