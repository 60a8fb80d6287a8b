/**
 * Pipes: {@linkcode pipe}.
 *
 * ```ts
 * import { pipe } from "@libc/ipc/pipe";
 *
 * using ends = pipe();
 * ends.writer.writeSync("hello\n");
 * ends.writer.close();
 * for await (const chunk of ends.reader) Deno.stdout.writeSync(chunk);
 * ```
 *
 * @module
 */

import { check0 } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { O_CLOEXEC, O_DIRECT } from "../../ffi/libc/fcntl.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { integer } from "../core/convert/argument.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { pipeLabel } from "./_adopt.ts";
import { endsOf, type PipeEnds, PipeReader, PipeWriter } from "./pipe_end.ts";

export type { AdoptOptions } from "../core/handle/adopt_fd.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
export type { FdEnd, FdEndInit } from "../core/stream/fd_end.ts";
export { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
export { Fd } from "../core/handle/fd.ts";
export {
  type PipeEnds,
  PipeReader,
  PipeWriter,
  type SpliceOptions,
  type SpliceSyncOptions,
} from "./pipe_end.ts";
export { PIPE_BUF } from "../../ffi/libc/limits.ts";
export type { Waitable } from "../core/wait/wait_any.ts";

/** Options of {@linkcode pipe}. */
export interface PipeOptions {
  /**
   * Minimum capacity in bytes, up to `/proc/sys/fs/pipe-max-size` (1 MiB)
   * without `CAP_SYS_RESOURCE`. The kernel rounds it up to a power of two of at
   * least a page.
   *
   * @default {undefined} the kernel's: 65,536, less for a user with many pipes
   */
  capacity?: number | undefined;
  /**
   * Packet mode (`O_DIRECT`): each write of up to 4,096 bytes is one packet,
   * each read takes one packet and loses the bytes beyond its buffer. Longer
   * writes become several packets.
   *
   * @default {false}
   */
  packet?: boolean | undefined;
}

/**
 * `pipe2(O_CLOEXEC)`: makes a pipe; disposing closes both ends.
 *
 * A reader sees the end when the last descriptor of the writing end is closed,
 * including inherited ones: close the ends made for children here.
 *
 * See [pipe(2)](https://man7.org/linux/man-pages/man2/pipe.2.html) and
 * [pipe(7)](https://man7.org/linux/man-pages/man7/pipe.7.html).
 *
 * @throws {IpcError} `EMFILE` or `ENFILE` when no descriptor is left, `EPERM`
 * for a capacity beyond the limit.
 *
 * @example Packets keep their bounds
 * ```ts
 * import { pipe } from "@libc/ipc/pipe";
 * import { assertEquals } from "@std/assert";
 *
 * using ends = pipe({ packet: true });
 * ends.writer.writeSync("one");
 * ends.writer.writeSync("two");
 *
 * const buffer = new Uint8Array(4096);
 * assertEquals(ends.reader.readSync(buffer), 3);
 * ```
 */
export function pipe(options: PipeOptions = {}): PipeEnds {
  const { capacity, packet = false } = options;
  if (capacity !== undefined) integer(capacity, "capacity", 1, 0x7fff_ffff);
  const fds = new Int32Array(2);
  check0(
    unistd().pipe2(fds, O_CLOEXEC | (packet ? O_DIRECT : 0)),
    errno[0],
    "pipe2",
    "create",
    "a pipe",
  );
  const [input = 0, output = 0] = fds;
  const reader = new PipeReader(INTERNAL, ...endOf(input));
  const writer = new PipeWriter(INTERNAL, ...endOf(output));
  const ends = endsOf(reader, writer);
  try {
    if (capacity !== undefined) writer.resize(capacity);
  } catch (error) {
    ends[Symbol.dispose]();
    throw error;
  }
  return ends;
}

function endOf(fd: number): [handle: Fd, init: { label: string }] {
  const label = pipeLabel(fd);
  return [new Fd(INTERNAL, fd, label), { label }];
}
