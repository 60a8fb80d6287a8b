/**
 * Reading the device's struct: through a view, and as plain typed arrays.
 *
 * @module
 */

import { IPC_PRIVATE, struct, SysvSharedMemory } from "@libc/ipc";
import type { Case } from "../harness.ts";

const Wave = struct({
  state: "i32",
  waveform: "i32",
  value: "i32",
  time: "f64",
  period: "f64",
});

/** The sum of the loops, so that they are not optimised away. */
export let sum = 0;

/** The cases of struct reads; "raw" is typed arrays over the same memory. */
export const cases: Case[] = [
  {
    name: "struct, five fields",
    c: "struct_read",
    iterations: 2_000_000,
    setup() {
      const segment = SysvSharedMemory.create(IPC_PRIVATE, Wave.size);
      const mapping = segment.attach();
      const wave = mapping.view(Wave);
      const ints = new Int32Array(mapping.buffer, 0, 8);
      const doubles = new Float64Array(mapping.buffer, 0, 4);
      return {
        wrapper(n) {
          let total = 0;
          while (n-- > 0) {
            total += wave.state + wave.waveform + wave.value + wave.time +
              wave.period;
          }
          sum += total;
        },
        raw(n) {
          let total = 0;
          while (n-- > 0) {
            total += (ints[0] as number) + (ints[1] as number) +
              (ints[2] as number) + (doubles[2] as number) +
              (doubles[3] as number);
          }
          sum += total;
        },
        [Symbol.dispose]() {
          mapping.close();
          segment[Symbol.dispose]();
        },
      };
    },
  },
];
