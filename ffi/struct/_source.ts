/**
 * Turns a source and an offset into checked memory that holds the whole struct.
 *
 * @module
 */

import type { Layout } from "./_layout.ts";
import { closedError, type Memory, memoryOf } from "./_memory.ts";
import { show } from "./_scalar.ts";
import type { MappedMemory, StructSource } from "./_types.ts";

interface Range {
  readonly buffer: ArrayBufferLike;
  /** The offset of the source in the buffer. */
  readonly start: number;
  /** The size of the source in bytes. */
  readonly size: number;
}

function isBuffer(source: object): source is ArrayBufferLike {
  return source instanceof ArrayBuffer || source instanceof SharedArrayBuffer;
}

function isMapped(source: object): source is MappedMemory {
  return typeof (source as Partial<MappedMemory>).memory === "function";
}

/** Whether a source is read-only. */
export function isReadOnly(source: StructSource): boolean {
  return !ArrayBuffer.isView(source) && !isBuffer(source) &&
    source.readOnly !== false;
}

/** Returns the source's address modulo 8, or 0 when the address is unknown. */
export function skewOf(source: StructSource): number {
  if (ArrayBuffer.isView(source) || isBuffer(source)) return 0;
  return Number((source.address ?? 0n) % 8n);
}

function rangeOf(source: StructSource, action: string): Range {
  if (typeof source === "object" && source !== null) {
    if (isBuffer(source)) {
      return { buffer: source, start: 0, size: source.byteLength };
    }
    if (ArrayBuffer.isView(source)) {
      const { buffer, byteOffset, byteLength } = source;
      return { buffer, start: byteOffset, size: byteLength };
    }
    if (isMapped(source)) {
      const buffer = source.memory();
      if (!isBuffer(buffer)) {
        throw new TypeError(
          `Cannot ${action} a struct: memory() gave no buffer`,
        );
      }
      const size = Math.min(source.size, buffer.byteLength);
      return { buffer, start: 0, size };
    }
  }
  throw new TypeError(
    `Cannot ${action} a struct in ${
      show(source)
    }: it must be a mapping, a buffer or a view of one`,
  );
}

/** The place of a struct. */
export interface Place {
  readonly memory: Memory;
  readonly position: number;
}

/** Checks a source and an offset, and returns the place of the struct there. */
export function placeOf(
  source: StructSource,
  offset: number,
  layout: Layout,
  action: string,
): Place {
  const { buffer, start, size } = rangeOf(source, action);
  if (buffer instanceof ArrayBuffer && buffer.detached) {
    throw closedError(action);
  }
  if (!Number.isInteger(offset) || offset < 0) {
    throw new RangeError(
      `Cannot ${action} a struct at offset ${
        show(offset)
      }: it must be an integer of at least 0`,
    );
  }
  if (offset + layout.size > size) {
    throw new RangeError(
      `Cannot ${action} a struct at offset ${offset}: its ${layout.size} bytes end beyond the ${size} bytes of the source`,
    );
  }
  const at = start + offset;
  if (at % layout.align !== 0) {
    const where = start === 0 ? "" : `, byte ${at} of the buffer`;
    throw new RangeError(
      `Cannot ${action} a struct at offset ${offset}${where}: it must be a multiple of ${layout.align}`,
    );
  }
  const memory = memoryOf(buffer, at, layout.size);
  return { memory, position: at - memory.start };
}
