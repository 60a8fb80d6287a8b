/**
 * The header behind the C struct. The device writes it once; every reader
 * checks it before use.
 *
 * @module
 */

import { corruptError } from "../../../ffi/errno.ts";
import { CLOCK_MONOTONIC, time } from "../../../ffi/libc/time.ts";
import type { Identity } from "../identity.ts";
import { Cells, type Memory } from "./cells.ts";
import {
  Header,
  HEADER_OFFSET,
  isCapacity,
  layoutHash,
  MAGIC,
  RING_OFFSET,
  Slot,
  VERSION,
  Wave,
} from "./layout.ts";
import type { RingPlace } from "./ring.ts";

const at = (field: keyof typeof Header.offsets) =>
  HEADER_OFFSET + Header.offsets[field];

/** The checked content of a header. */
export interface HeaderInfo {
  /** The process of the device. */
  identity: Identity;
  /** The ring, checked to lie inside the memory. */
  ring: RingPlace;
}

/** The kind of a memory. */
export type MemoryKind =
  /** The memory of a device of this module. */
  | { kind: "device"; header: HeaderInfo }
  /** Only a C struct, as far as this version knows. */
  | { kind: "plain"; why: string };

/** Writes the header; the magic number makes it valid, so it comes last. */
export function writeHeader(
  memory: Memory,
  identity: Identity,
  capacity: number,
): void {
  const cells = new Cells(memory);
  cells.setU64(at("layout"), layoutHash());
  cells.set32(at("version"), VERSION);
  cells.set32(at("pid"), identity.pid);
  cells.setU64(at("startTime"), identity.startTime);
  cells.setU64(at("namespace"), identity.namespace);
  cells.set32(at("ringOffset"), RING_OFFSET);
  cells.set32(at("ringCapacity"), capacity);
  cells.setU64(at("magic"), MAGIC);
}

/**
 * Reads and checks the header.
 *
 * @throws {IpcError} `EBADMSG` when the memory is too small for the C struct,
 * or a header of this version has impossible values.
 */
export function readHeader(memory: Memory, label: string): MemoryKind {
  const { size } = memory;
  const corrupt = (found: string) =>
    corruptError("shmat", "read", label, found);
  if (size < Wave.size) {
    throw corrupt(`its memory has ${size} bytes, fewer than ${Wave.size}`);
  }
  if (size < RING_OFFSET) return plain(`its memory has only ${size} bytes`);
  const cells = new Cells(memory);
  if (cells.u64(at("magic")) !== MAGIC) return plain("it has no header");
  const version = cells.u32(at("version"));
  if (version !== VERSION) {
    return plain(`its header has version ${version} and not ${VERSION}`);
  }
  if (cells.u64(at("layout")) !== layoutHash()) {
    return plain("its header has another layout");
  }
  const offset = cells.u32(at("ringOffset"));
  const capacity = cells.u32(at("ringCapacity"));
  if (!isCapacity(capacity)) {
    throw corrupt(`its history claims ${capacity} slots`);
  }
  if (
    offset < RING_OFFSET || offset % 8 !== 0 ||
    offset + capacity * Slot.size > size
  ) {
    throw corrupt(
      `its history claims bytes ${offset} to ${
        offset + capacity * Slot.size
      } of ${size}`,
    );
  }
  const identity = {
    pid: cells.i32(at("pid")),
    startTime: cells.u64(at("startTime")),
    namespace: cells.u64(at("namespace")),
  };
  if (identity.pid <= 0) throw corrupt(`its process id is ${identity.pid}`);
  return {
    kind: "device",
    header: { identity, ring: { offset, capacity } },
  };
}

/** Whether a device has made this memory but not written the header yet. */
export function isUnfinished(memory: Memory): boolean {
  return isCapacity((memory.size - RING_OFFSET) / Slot.size) &&
    new Cells(memory).u64(at("magic")) === 0n;
}

function plain(why: string): MemoryKind {
  return { kind: "plain", why };
}

/** Writes the heartbeat. */
export class Heartbeat {
  readonly #cells: Cells;
  readonly #origin: number;

  constructor(memory: Memory) {
    this.#cells = new Cells(memory);
    this.#origin = monotonic() - performance.now();
  }

  /** Writes a heartbeat for a time of `performance.now()`. */
  beat(now: number): void {
    const nanoseconds = Math.round((this.#origin + now) * 1e6);
    this.#cells.setU64(at("heartbeat"), BigInt(nanoseconds));
  }
}

/** Milliseconds since the last heartbeat; undefined if there was none. */
export function silence(memory: Memory): number | undefined {
  const last = new Cells(memory).u64(at("heartbeat"));
  return last === 0n
    ? undefined
    : Math.max(0, monotonic() - Number(last) / 1e6);
}

/** `CLOCK_MONOTONIC` in milliseconds. */
function monotonic(): number {
  const timespec = new BigInt64Array(2);
  time().clock_gettime(CLOCK_MONOTONIC, timespec);
  return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6;
}
