/** What this process holds, and ways to run it short of something. */

import { F_DUPFD_CLOEXEC, fcntl, sys_resource, unistd } from "@libc/ipc/ffi";

/** `RLIMIT_FSIZE` of `<sys/resource.h>` */
export const RLIMIT_FSIZE = 1;
/** `RLIMIT_NOFILE` of `<sys/resource.h>` */
const RLIMIT_NOFILE = 7;

/** Files, memfds and queues of the tests, for `openFds()`. */
export const FILES = /^\/(memfd:|dev\/shm\/|tmp\/|libc-ipc-)/;

/** Whether a time is one of today, whatever clock the kernel has it from. */
export function isRecent(time: Date | null | undefined): boolean {
  return Math.abs(Date.now() - (time?.getTime() ?? 0)) < 86_400_000;
}

/** The permission bits that this process withholds; only read, never set. */
export function umask(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return parseInt(/^Umask:\s*(\d+)$/m.exec(status)?.[1] ?? "", 8);
}

/** The mappings of this process whose lines in `/proc/self/maps` have a text. */
export function mappings(text: string): string[] {
  return Deno.readTextFileSync("/proc/self/maps").split("\n")
    .filter((line) => line.includes(text));
}

/** The names in `/dev/shm` that have a text. */
export function sharedFiles(text: string): string[] {
  return Array.from(Deno.readDirSync("/dev/shm"), ({ name }) => name)
    .filter((name) => name.includes(text));
}

/** Removes in the end what children may have left in `/dev/shm`. */
export function removing(text: string): Disposable {
  return {
    [Symbol.dispose]() {
      for (const name of sharedFiles(text)) Deno.removeSync(`/dev/shm/${name}`);
    },
  };
}

/** Sets a soft limit of this process; for children only. */
export function limit(resource: number, soft: number): void {
  const limits = new BigUint64Array(2);
  if (sys_resource().getrlimit(resource, limits) !== 0) throw new TypeError();
  limits[0] = BigInt(soft);
  if (sys_resource().setrlimit(resource, limits) !== 0) throw new TypeError();
}

/**
 * Calls with 0, 1, 2 … free descriptors, until it works, and gives the codes
 * of its errors; for children only.
 */
export function withFewDescriptors(call: () => void): string[] {
  limit(RLIMIT_NOFILE, 200);
  const codes: string[] = [];
  for (let free = 0;; free++) {
    const taken: number[] = [];
    for (;;) {
      const fd = fcntl().fcntl_int(0, F_DUPFD_CLOEXEC, 0);
      if (fd < 0) break;
      taken.push(fd);
    }
    for (let i = 0; i < free; i++) unistd().close(taken.pop() ?? -1);
    try {
      call();
      return codes;
    } catch (error) {
      codes.push((error as { code?: string }).code ?? String(error));
    } finally {
      for (const fd of taken) unistd().close(fd);
    }
  }
}
