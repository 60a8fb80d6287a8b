/**
 * Reads a hostile segment in a process of its own: whatever the memory
 * contains, each call must return data or throw an `IpcError`, without delay.
 *
 * Arguments: path, first seed, number of headers.
 */

import { inspect, WaveClient, WaveControl } from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { ownIdentity } from "../../../ipc/device/identity.ts";
import { writeHeader } from "../../../ipc/device/memory/header.ts";
import {
  Header,
  HEADER_OFFSET,
  memorySize,
} from "../../../ipc/device/memory/layout.ts";
import { RecordWriter } from "../../../ipc/device/memory/record.ts";
import { RingWriter } from "../../../ipc/device/memory/ring.ts";
import { sampleOf } from "./memory/samples.ts";

const [path = "", first = "", rounds = ""] = Deno.args;
const CAPACITY = 16;
const SIZE = memorySize(CAPACITY);
const NASTY = [
  0n,
  1n,
  2n,
  3n,
  0x7fn,
  0xffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fffen,
  0xffff_ffffn,
  1n << 53n,
  1n << 62n,
  1n << 63n,
  (1n << 64n) - 1n,
  0x7ff8_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  0xfff0_0000_0000_0000n,
];

/** A small generator of its own, so that a seed can be run again. */
function generator(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fills the memory like a valid device, as far as it fits. */
function fill(memory: { size: number; memory(): ArrayBuffer }): void {
  new Uint8Array(memory.memory()).fill(0);
  const ring = new RingWriter(memory, { offset: 256, capacity: CAPACITY });
  for (let n = 0; n < 20; n++) ring.append(sampleOf(n));
  ring.publish();
  new RecordWriter(memory).write(
    sampleOf(19),
    { interval: 0.1, bits: 10 },
    () => {},
  );
  writeHeader(memory, ownIdentity(), CAPACITY);
}

function spoil(view: DataView, random: () => number): void {
  const changes = 1 + Math.floor(random() * 4);
  const fields = Object.values(Header.offsets);
  for (let i = 0; i < changes; i++) {
    const nasty = NASTY[Math.floor(random() * NASTY.length)] ?? 0n;
    const value = random() < 0.7
      ? nasty
      : BigInt(Math.floor(random() * 2 ** 32));
    const kind = random();
    const offset = kind < 0.6
      ? HEADER_OFFSET + (fields[Math.floor(random() * fields.length)] ?? 0)
      : kind < 0.8
      ? Math.floor(random() * 8) * 4
      : 256 + Math.floor(random() * (SIZE - 264) / 4) * 4;
    if (random() < 0.5) view.setBigUint64(offset, value, true);
    else view.setUint32(offset, Number(value & 0xffff_ffffn), true);
  }
}

const outcomes: Record<string, number> = {};

function attempt(what: string, call: () => unknown): void {
  let outcome = "ok";
  try {
    call();
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    outcome = error.code;
  }
  const key = `${what} ${outcome}`;
  outcomes[key] = (outcomes[key] ?? 0) + 1;
}

async function followOnce(client: WaveClient): Promise<void> {
  const signal = AbortSignal.timeout(0);
  let count = 0;
  try {
    for await (const _ of client.follow({ past: Infinity, signal })) count++;
  } catch (error) {
    if (error !== signal.reason && !(error instanceof IpcError)) throw error;
  }
  // At most what fits, whatever the counter says.
  if (count > CAPACITY) {
    throw new Error(`${count} samples in ${CAPACITY} slots`);
  }
}

const key = ftok(path, "x");
using segment = SysvSharedMemory.create(key, SIZE);
using mapping = segment.attach();
const address = { path, projectId: "x" };
const begin = Number(first);
const end = begin + Number(rounds);
let deepest = 0;
for (let seed = begin; seed < end; seed++) {
  const random = generator(seed);
  fill(mapping);
  const view = new DataView(mapping.buffer);
  spoil(view, random);
  const started = performance.now();
  attempt("open", () => {
    using client = WaveClient.open(address);
    attempt("read", () => client.read());
    attempt("settings", () => client.settings);
    // Once more with other content, changed during the reads.
    spoil(view, random);
    attempt("read", () => client.read());
    attempt("end", () => client.end);
    attempt("follow", () => {
      const stream = client.follow({ past: Infinity });
      stream.return?.();
    });
  });
  if (seed % 50 === 0) {
    attempt("inspect", () => inspect(address));
    attempt("control", () => WaveControl.open(address).close());
    using client = open();
    if (client?.foreign === false) await followOnce(client);
  }
  deepest = Math.max(deepest, performance.now() - started);
}
console.log(JSON.stringify(outcomes));
console.error(`slowest ${deepest.toFixed(1)} ms`);

function open(): WaveClient | undefined {
  try {
    return WaveClient.open(address);
  } catch {
    return undefined;
  }
}
