/** What the tests of streams share. */

import { sys_mman } from "../../../ffi/libc/sys_mman.ts";
import { INTERNAL } from "../../../ffi/core/_internal.ts";
import { check0, checkPtr } from "../../../ffi/core/errno.ts";
import { Mapping } from "../../../ffi/core/mapping.ts";
import { pipe, type PipeEnds } from "../../../ipc/stream/pipe.ts";

/** What a pipe holds unless told otherwise. */
export const CAPACITY = 65536;

const decoder = new TextDecoder();

/** The text of some bytes; undefined for none. */
export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && decoder.decode(bytes);
}

/**
 * The open pipes, FIFOs and files of this process. What Deno's workers have of
 * their own, a watchdog's among them, goes when they do and is left out.
 */
export function openFds(): string[] {
  const target = (name: string) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return undefined; // The one that reads the directory.
    }
  };
  const standard = ["0", "1", "2"].map(target);
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const what = target(name);
    if (what === undefined || standard.includes(what)) continue;
    if (/^(anon_inode|socket):/.test(what)) continue;
    found.push(`${name} ${what}`);
  }
  return found.sort();
}

/** What is open and was not then. A worker that ended may have taken some away. */
export function openedSince(before: readonly string[]): string[] {
  return openFds().filter((fd) => !before.includes(fd));
}

/** `mmap(MAP_ANONYMOUS)`: memory that is not the heap's. */
export function mapAnonymous(size: number): Mapping {
  const pointer = checkPtr(
    sys_mman().mmap(null, BigInt(size), 3, 0x22, -1, 0n),
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

/** Whether a promise is still pending when others have had time to settle it. */
export async function staysPending(
  promise: Promise<unknown>,
): Promise<boolean> {
  let settled = false;
  const mark = () => void (settled = true);
  promise.then(mark, mark);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return !settled;
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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

/** Whether there is something at a path, be it a dangling link. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
