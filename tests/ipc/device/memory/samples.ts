/** Memory of a device without a device, for tests of single parts. */

import type { Memory } from "../../../../ipc/device/memory/cells.ts";
import {
  memorySize,
  RING_OFFSET,
  type Sample,
} from "../../../../ipc/device/memory/layout.ts";
import type { RingPlace } from "../../../../ipc/device/memory/ring.ts";

/** Zeros, as the kernel gives them. */
export function plainMemory(size: number): Memory {
  const buffer = new ArrayBuffer(size);
  return { size, memory: () => buffer };
}

/** Memory with room for a ring, and the place of that. */
export function ringMemory(capacity: number): [Memory, RingPlace] {
  return [
    plainMemory(memorySize(capacity)),
    { offset: RING_OFFSET, capacity },
  ];
}

/** A sample with unique values. */
export function sampleOf(n: number): Sample {
  return {
    state: 1,
    waveform: n % 3,
    value: n % 1000 - 500,
    time: n / 8,
    period: 1 + n / 16,
  };
}
