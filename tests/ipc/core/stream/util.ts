/** What the tests of streams share. */

import { pipe, type PipeEnds } from "@libc/ipc";

/** The default capacity of a pipe. */
export const CAPACITY = 65536;

const decoder = new TextDecoder();

/** The text of some bytes; undefined for none. */
export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && decoder.decode(bytes);
}

/** Pipes, FIFOs and files of the tests, for {@linkcode openFds}. */
export const STREAMS = /^(pipe:|\/tmp\/)/;

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
