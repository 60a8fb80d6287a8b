/**
 * The processes that have mapped a piece of memory, as `/proc` shows them.
 *
 * @module
 */

import { tryReadDirectory, tryReadLink } from "../core/file/directory.ts";
import { tryReadTextFile } from "../core/file/read_file.ts";

/** A piece of memory as it appears in `/proc/<pid>/maps`. */
export interface MappedFile {
  /** Its inode number; for a System V segment, its id. */
  inode: bigint;
  /** The start of its path: `/SYSV`, `/dev/shm/…`, `/memfd:…`. */
  path: string;
  /** Whether the inode number is unique only within an IPC namespace. */
  perNamespace: boolean;
}

/** A process that has mapped it. */
export interface Mapper {
  /** Its process id. */
  pid: number;
  /** The number of its mappings. */
  count: number;
  /** Whether one of them is writable. */
  writable: boolean;
}

/** Returns the processes that have mapped it and whose maps may be read. */
export function mappersOf(file: MappedFile): Mapper[] {
  const found: Mapper[] = [];
  const namespace = file.perNamespace ? ipcNamespace("self") : undefined;
  for (const name of tryReadDirectory("/proc") ?? []) {
    if (!/^\d+$/.test(name)) continue;
    const maps = tryReadTextFile(`/proc/${name}/maps`);
    if (maps === undefined || !maps.includes(file.path)) continue;
    const lines = maps.split("\n").filter((line) => isMapping(line, file));
    if (lines.length === 0 || ipcNamespaceDiffers(name, namespace)) continue;
    found.push({
      pid: Number(name),
      count: lines.length,
      writable: lines.some((line) => line.split(" ")[1]?.[1] === "w"),
    });
  }
  return found;
}

/** `7f1c…-7f1d… rw-s 00000000 00:01 32770      /SYSV78010203 (deleted)` */
function isMapping(line: string, file: MappedFile): boolean {
  const [, , , , inode, path] = line.split(/ +/, 6);
  return inode === String(file.inode) && path !== undefined &&
    path.startsWith(file.path);
}

function ipcNamespace(pid: string): string | undefined {
  return tryReadLink(`/proc/${pid}/ns/ipc`);
}

function ipcNamespaceDiffers(pid: string, ours: string | undefined): boolean {
  if (ours === undefined) return false;
  const theirs = ipcNamespace(pid);
  return theirs !== undefined && theirs !== ours;
}
