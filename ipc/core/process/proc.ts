/**
 * Processes and this process's descriptors, as `/proc` shows them.
 *
 * @module
 */

import { readTextFile, tryReadTextFile } from "../file/read_file.ts";

/**
 * Returns the start time of a process in clock ticks since boot, or undefined
 * when it has ended. Together with the pid it identifies a process.
 *
 * @throws {IpcError} As {@linkcode tryReadTextFile}.
 */
export function processStartTime(pid: number): bigint | undefined {
  const fields = statFields(pid);
  // Field 22 of the line. The first one here is field 3, the state.
  const start = fields?.[19];
  return start === undefined || fields?.[0] === "Z" || fields?.[0] === "X"
    ? undefined
    : BigInt(start);
}

/**
 * Returns the name of a process's program, or undefined when it is unreadable.
 */
export function processName(pid: number): string | undefined {
  try {
    return readTextFile(`/proc/${pid}/comm`).trimEnd();
  } catch {
    return undefined;
  }
}

function statFields(pid: number): string[] | undefined {
  // Read the first thread's file: in the file of the process itself an emulator
  // shows that process a start time that other processes do not see.
  const line = tryReadTextFile(`/proc/${pid}/task/${pid}/stat`);
  // The name is in parentheses and may itself contain spaces and parentheses.
  return line?.slice(line.lastIndexOf(")") + 2).split(" ");
}

/**
 * Returns a field of a descriptor's `/proc/self/fdinfo`, or undefined when
 * there is no such field.
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
