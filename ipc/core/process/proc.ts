/**
 * Processes, and descriptors of this one, as `/proc` shows them.
 *
 * @module
 */

import { readTextFile, tryReadTextFile } from "../file/read_file.ts";

/**
 * The start time of a process in clock ticks since boot, or undefined when it
 * is gone: together with the pid it names a process for good.
 *
 * @throws {IpcError} As {@linkcode tryReadTextFile}.
 */
export function processStartTime(pid: number): bigint | undefined {
  const fields = statFields(pid);
  // Field 22 of the line; the state, field 3, comes first here.
  const start = fields?.[19];
  return start === undefined || fields?.[0] === "Z" || fields?.[0] === "X"
    ? undefined
    : BigInt(start);
}

/** The name of a process's program, or undefined when it cannot be read. */
export function processName(pid: number): string | undefined {
  try {
    return readTextFile(`/proc/${pid}/comm`).trimEnd();
  } catch {
    return undefined;
  }
}

function statFields(pid: number): string[] | undefined {
  // Of its first thread: of the process itself an emulator makes up another
  // start time, which only the process sees.
  const line = tryReadTextFile(`/proc/${pid}/task/${pid}/stat`);
  // The name stands in parentheses and may itself hold spaces and parentheses.
  return line?.slice(line.lastIndexOf(")") + 2).split(" ");
}

/**
 * A field of `/proc/self/fdinfo` of a descriptor, or undefined when it has none
 * of that name.
 */
export function fdinfo(fd: number, field: string): string | undefined {
  const text = tryReadTextFile(`/proc/self/fdinfo/${fd}`);
  for (const line of text?.split("\n") ?? []) {
    if (line.startsWith(`${field}:`)) {
      return line.slice(field.length + 1).trim();
    }
  }
  return undefined;
}
