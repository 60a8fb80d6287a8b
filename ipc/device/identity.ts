/**
 * The identity of processes, and whether they are alive.
 *
 * A process id alone does not identify a process: the kernel reuses it after
 * the process has ended. Together with the start time it is unique within a PID
 * namespace. A stopped process is alive.
 *
 * @module
 */

import { SC_CLK_TCK, unistd } from "../../ffi/libc/unistd.ts";
import { tryReadLink } from "../core/file/directory.ts";
import { tryReadTextFile } from "../core/file/read_file.ts";
import { processName, processStartTime } from "../core/process/proc.ts";

/** A process, identified for its whole life and after. */
export interface Identity {
  /** Its id, in its own PID namespace. */
  pid: number;
  /** Its start time in clock ticks since boot; 0 when unknown. */
  startTime: bigint;
  /** Inode number of its PID namespace; 0 when unknown. */
  namespace: bigint;
}

let own: Identity | undefined;

/** Returns the identity of this process. */
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
 * Whether a process is alive, or undefined when this process cannot tell: the
 * other one is in another PID namespace, or there is no `/proc`.
 */
export function lives(identity: Identity): boolean | undefined {
  const { namespace, startTime } = ownIdentity();
  if (startTime === 0n || identity.startTime === 0n) return undefined;
  if (namespace !== identity.namespace) return undefined;
  return processStartTime(identity.pid) === identity.startTime;
}

/**
 * Returns the id of a process as seen from here, or 0 when it is not visible.
 */
export function visiblePid({ pid, namespace }: Identity): number {
  return namespace === ownIdentity().namespace ? pid : 0;
}

/**
 * Whether the process that made something at a certain time is alive, or
 * undefined when that cannot be told: its id is not visible from here (0), or
 * there is no `/proc`.
 *
 * A process that started later is another one with the same id.
 */
export function makerLives(
  pid: number,
  made: Date | null,
): boolean | undefined {
  if (pid <= 0 || ownIdentity().startTime === 0n) return undefined;
  const ticks = processStartTime(pid);
  if (ticks === undefined) return false;
  const started = startDate(ticks);
  // The kernel stores one time in whole seconds and rounds the other.
  return started === null || made === null ||
    started.getTime() <= made.getTime() + 2000;
}

/** Returns what can be found out about a process. */
export function peerOf(pid: number, alive: boolean): Peer {
  const ticks = alive ? processStartTime(pid) : undefined;
  return {
    pid,
    program: alive ? printable(processName(pid) ?? "") : "",
    started: ticks === undefined ? null : startDate(ticks),
    alive,
  };
}

/** Formats a process for a message: `process 42 (deno)`. */
export function processText(pid: number): string {
  if (pid <= 0) return "a process of another PID namespace";
  const name = processName(pid);
  const started = tryStart(pid);
  return `process ${pid}` +
    (name === undefined ? "" : ` (${printable(name)})`) +
    (started === null ? "" : `, started ${started.toISOString()},`);
}

/** Returns the start time of a process, or null when it is not known. */
function tryStart(pid: number): Date | null {
  try {
    const ticks = processStartTime(pid);
    return ticks === undefined ? null : startDate(ticks);
  } catch {
    // No descriptor is left: the message does without the time.
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

/** Replaces control characters: a process chooses its own name. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "?");
}

/** Another process, and whether it is alive. */
export interface Peer {
  /** Its process id as seen from this process; 0 when it is not visible. */
  pid: number;
  /** The name of its program; empty when unknown. */
  program: string;
  /** Its start time; null when unknown. */
  started: Date | null;
  /** Whether this process, not another one with the same id, is alive. */
  alive: boolean;
}
