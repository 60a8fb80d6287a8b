/**
 * The owner of a memory, as far as it can be known.
 *
 * @module
 */

import { hasCode } from "../../../ffi/errno.ts";
import { lives, visiblePid } from "../identity.ts";
import { readHeader } from "../memory/header.ts";
import { Wave } from "../memory/layout.ts";
import { RecordReader } from "../memory/record.ts";
import type { Segment } from "../memory/segment.ts";

/** The process that runs a device, and whether it may be alive. */
export interface Owner {
  /** Its process id; 0 when it is not visible. */
  pid: number;
  /** Whether it is, or may be, alive. */
  alive: boolean;
}

/**
 * The device that owns a memory; undefined when it is the memory of another
 * program.
 */
export function ownerOf(
  segment: Segment,
  label: string,
): Owner | undefined {
  let found;
  try {
    found = readHeader(segment.mapping, label);
  } catch (error) {
    if (hasCode(error, "EBADMSG")) return undefined;
    throw error;
  }
  if (found.kind === "device") {
    const { identity } = found.header;
    return { pid: visiblePid(identity), alive: lives(identity) ?? true };
  }
  return isPlainStruct(segment, label) ? plainOwner(segment) : undefined;
}

/** Whether it is a segment with only a valid C struct. */
function isPlainStruct({ mapping }: Segment, label: string): boolean {
  if (mapping.size !== Wave.size) return false;
  try {
    new RecordReader(mapping, true, label).read();
    return true;
  } catch (error) {
    if (hasCode(error, "EBADMSG")) return false;
    throw error;
  }
}

/**
 * The owner of a plain C struct. The kernel records the creator; when that is
 * gone, another process may still write to it.
 */
export function plainOwner(segment: Segment): Owner {
  const { pid = 0, lives: made } = segment.creator ?? {};
  if (made !== false) return { pid, alive: true };
  const mappers = segment.mappers();
  const writer = mappers.find((mapper) => mapper.writable);
  if (writer !== undefined) return { pid: writer.pid, alive: true };
  const seen = mappers.reduce((sum, { count }) => sum + count, 0);
  return { pid, alive: seen < (segment.attachCount() ?? 0) };
}
