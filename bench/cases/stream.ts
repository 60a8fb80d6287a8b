/**
 * Pipes: the cost of a call through the wrappers, the raw table and C.
 *
 * @module
 */

import { pipe } from "@libc/ipc";
import { unistd } from "@libc/ipc/ffi";
import type { Case } from "../harness.ts";

/** The cases of pipes. */
export const cases: Case[] = [
  pipeCase("pipe write + read 64 B", "pipe_pair_64", 64, 100_000),
  pipeCase("pipe write + read 4 KiB", "pipe_pair_4096", 4096, 50_000),
];

function pipeCase(
  name: string,
  c: string,
  size: number,
  iterations: number,
): Case {
  return {
    name,
    c,
    iterations,
    limit: 1.25,
    setup() {
      const ends = pipe();
      const { reader, writer } = ends;
      const { read, write } = unistd();
      const input = reader.fd.number;
      const output = writer.fd.number;
      const data = new Uint8Array(size);
      const buffer = new Uint8Array(size);
      return {
        wrapper(n) {
          while (n-- > 0) {
            writer.writeSync(data);
            reader.readSync(buffer);
          }
        },
        raw(n) {
          while (n-- > 0) {
            write(output, data, size);
            read(input, buffer, size);
          }
        },
        [Symbol.dispose]: () => ends[Symbol.dispose](),
      };
    },
  };
}
