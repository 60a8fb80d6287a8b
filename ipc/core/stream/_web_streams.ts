/**
 * Byte streams as web streams and iterators.
 *
 * @module
 */

/** A source for a readable web stream. */
interface Reader {
  read(buffer: Uint8Array): Promise<number | null>;
  close(): void;
}

/** A sink for a writable web stream. */
interface Writer {
  write(data: Uint8Array, options: { signal: AbortSignal }): Promise<unknown>;
  close(): void;
}

/** Most bytes of one read by an iterator or web stream. */
export const CHUNK = 65536;

/** Reads to the end and yields each piece as it arrives. */
export async function* chunks(
  reader: Reader,
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

/** Makes a web stream of a reader. */
export function readableOf(
  reader: Reader,
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

/** Makes a web stream of a writer. */
export function writableOf(writer: Writer): WritableStream<Uint8Array> {
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
