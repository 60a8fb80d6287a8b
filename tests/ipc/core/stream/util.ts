/** What the tests of streams share. */

import { check0, checkPtr } from "../../../../ffi/errno.ts";
import { errno } from "../../../../ffi/libc/errno.ts";
import { sys_mman } from "../../../../ffi/libc/sys_mman.ts";
import { INTERNAL } from "../../../../ipc/core/handle/internal.ts";
import { Mapping } from "../../../../ipc/core/memory/mapping.ts";
import { pipe, type PipeEnds } from "../../../../ipc/pipe/pipe.ts";

/** The default capacity of a pipe. */
export const CAPACITY = 65536;

const decoder = new TextDecoder();

/** The text of some bytes; undefined for none. */
export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && decoder.decode(bytes);
}

/** Pipes, FIFOs and files of the tests, for {@linkcode openFds}. */
export const STREAMS = /^(pipe:|\/tmp\/)/;

/** `mmap(MAP_ANONYMOUS)`: memory outside the heap. */
export function mapAnonymous(size: number): Mapping {
  const pointer = checkPtr(
    sys_mman().mmap(null, BigInt(size), 3, 0x22, -1, 0n),
    errno[0],
    "mmap",
    "map",
    "memory",
  );
  return new Mapping(INTERNAL, {
    pointer,
    size,
    readOnly: false,
    label: "memory",
    release: (address) =>
      check0(
        sys_mman().munmap(address, BigInt(size)),
        errno[0],
        "munmap",
        "unmap",
        "memory",
      ),
  });
}

/** A full pipe. */
export function fullPipe(): PipeEnds {
  const ends = pipe({ capacity: CAPACITY });
  ends.writer.writeSync(new Uint8Array(CAPACITY));
  return ends;
}

/** Whether a promise is still pending after the microtasks of now. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => void (settled = true);
  promise.then(mark, mark);
  for (let i = 0; i < 10; i++) await null;
  return !settled;
}

/**
 * Whether a promise is still pending after other code has had time to settle
 * it.
 */
export async function staysPending(
  promise: Promise<unknown>,
): Promise<boolean> {
  let settled = false;
  const mark = () => void (settled = true);
  promise.then(mark, mark);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return !settled;
}

/** A directory for one test. */
export class Place implements Disposable {
  readonly directory: string = Deno.makeTempDirSync({ prefix: "fifo-" });

  /** A path in it. */
  path(name = "f"): string {
    return `${this.directory}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}
