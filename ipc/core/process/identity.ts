/**
 * Which process it is, and whether it still lives.
 *
 * A process id alone says nothing: it is given to another process when its
 * bearer is gone. With the start time it names one process for good, within its
 * PID namespace. A stopped process lives.
 *
 * @module
 */

import { SC_CLK_TCK, unistd } from "../../../ffi/libc/unistd.ts";
import { tryReadLink } from "../file/directory.ts";
import { tryReadTextFile } from "../file/read_file.ts";
import { processName, processStartTime } from "./proc.ts";

/** A process, for good. */
export interface Identity {
  /** Its id, in its own PID namespace. */
  pid: number;
  /** When it started, in clock ticks since boot; 0 when that is not known. */
  startTime: bigint;
  /** Inode number of its PID namespace; 0 when that is not known. */
  namespace: bigint;
}

let own: Identity | undefined;

/** This process. */
export function ownIdentity(): Identity {
  if (own !== undefined) return own;
  const pid = unistd().getpid();
  const namespace = /^pid:\[(\d+)\]$/.exec(
    tryReadLink("/proc/self/ns/pid") ?? "",
  )?.[1];
  own = {
    pid,
    startTime: processStartTime(pid) ?? 0n,
    namespace: BigInt(namespace ?? 0),
  };
  return own;
}

/**
 * Whether that process lives; undefined when it cannot be known from here: it
 * is in another PID namespace, or there is no `/proc`.
 */
export function lives(identity: Identity): boolean | undefined {
  const { namespace, startTime } = ownIdentity();
  if (startTime === 0n || identity.startTime === 0n) return undefined;
  if (namespace !== identity.namespace) return undefined;
  return processStartTime(identity.pid) === identity.startTime;
}

/** The id of a process as this process sees it; 0 when it is not visible. */
export function visiblePid({ pid, namespace }: Identity): number {
  return namespace === ownIdentity().namespace ? pid : 0;
}

/**
 * Whether the process that made something at a certain time lives; undefined
 * when its id is not visible from here (0).
 *
 * A process that started later than that is another one with the same id.
 */
export function makerLives(
  pid: number,
  made: Date | null,
): boolean | undefined {
  if (pid <= 0 || ownIdentity().startTime === 0n) return undefined;
  const ticks = processStartTime(pid);
  if (ticks === undefined) return false;
  const started = startDate(ticks);
  // The kernel keeps whole seconds of the one, and rounds the other.
  return started === null || made === null ||
    started.getTime() <= made.getTime() + 2000;
}

/** What can be told of a process. */
export function peerOf(pid: number, alive: boolean): Peer {
  const ticks = alive ? processStartTime(pid) : undefined;
  return {
    pid,
    program: alive ? printable(processName(pid) ?? "") : "",
    started: ticks === undefined ? null : startDate(ticks),
    alive,
  };
}

/** A process as it stands in a message: `process 42 (deno)`. */
export function processText(pid: number): string {
  if (pid <= 0) return "a process of another PID namespace";
  const name = processName(pid);
  const started = tryStart(pid);
  return `process ${pid}` +
    (name === undefined ? "" : ` (${printable(name)})`) +
    (started === null ? "" : `, started ${started.toISOString()},`);
}

/** When a process started, as far as it can be told. */
function tryStart(pid: number): Date | null {
  try {
    const ticks = processStartTime(pid);
    return ticks === undefined ? null : startDate(ticks);
  } catch {
    // Without a descriptor left the message goes without.
    return null;
  }
}

function startDate(ticks: bigint): Date | null {
  const boot = bootTime();
  return boot === undefined ? null : new Date(
    boot + Number(ticks) * 1000 / Number(unistd().sysconf(SC_CLK_TCK)),
  );
}

function bootTime(): number | undefined {
  const line = tryReadTextFile("/proc/stat")?.match(/^btime (\d+)$/m);
  return line?.[1] === undefined ? undefined : Number(line[1]) * 1000;
}

/** A process chooses its name: nothing of it may command a terminal. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "?");
}

/** A process that plays a part, and whether it still lives. */
export interface Peer {
  /** Its process id, as this process sees it; 0 when it cannot be seen. */
  pid: number;
  /** The name of its program; empty when that cannot be seen. */
  program: string;
  /** When it started; null when that is not known. */
  started: Date | null;
  /** Whether that very process, not another one of the same id, lives. */
  alive: boolean;
}
