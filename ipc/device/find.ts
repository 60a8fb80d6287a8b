/**
 * Finding the memory of a device.
 *
 * @module
 */

import { hasCode } from "../../ffi/core/_sysv.ts";
import { deviceError, type Place } from "./address.ts";
import { isUnfinished, type MemoryKind, readHeader } from "./header.ts";
import { processText, visiblePid } from "./identity.ts";
import { DeviceLiveness, type Liveness, PlainLiveness } from "./liveness.ts";
import { findSegment, type Segment } from "./segment.ts";
import { DeviceSemaphores, isGone } from "./semaphores.ts";
import type { Transport } from "./types.ts";

/** A device that was found. */
export interface Found {
  /** Its memory, read-only. */
  segment: Segment;
  /** What the memory is. */
  kind: MemoryKind;
  /** Says whether it lives. */
  liveness: Liveness;
  /** Its process id; 0 when it is not visible. */
  pid: number;
}

/** What the semaphores of a key say. */
export interface Signs {
  /** Where the memory lives. */
  transport: Transport;
  /** Whether the device lives. */
  claimed: boolean;
  /** Process id of the device. */
  pid: number;
  /** The descriptor of its memfd. */
  fd: number | undefined;
}

/**
 * Finds a living device.
 *
 * @throws {IpcError} `ENOENT` when there is none, `EOWNERDEAD` when it has
 * died, `EACCES`, `EBADMSG`.
 */
export function findDevice(
  place: Place,
  transport: Transport | undefined,
): Found {
  const signs = signsOf(place);
  const where = transport ?? signs?.transport ?? "sysv";
  if (signs !== undefined && where !== signs.transport && signs.claimed) {
    throw deviceError(
      "ENOENT",
      "semget",
      `Cannot open ${place.label}: its memory is not ${where} but ${signs.transport}`,
    );
  }
  const segment = openSegment(place, where, signs);
  if (segment === undefined) throw missing(place, signs);
  try {
    return examine(segment, place, signs);
  } catch (error) {
    segment[Symbol.dispose]();
    throw error;
  }
}

/** As {@linkcode findDevice}, but undefined when there is no living device. */
export function tryFindDevice(
  place: Place,
  transport: Transport | undefined,
): Found | undefined {
  try {
    return findDevice(place, transport);
  } catch (error) {
    if (hasCode(error, "EOWNERDEAD") || isGone(error)) return undefined;
    throw error;
  }
}

function openSegment(
  { key }: Place,
  transport: Transport,
  signs: Signs | undefined,
): Segment | undefined {
  // The process id of a dead device may be another process's by now.
  const { pid, fd } = signs?.claimed ? signs : {};
  return findSegment(transport, { key, pid, fd });
}

function examine(
  segment: Segment,
  place: Place,
  signs: Signs | undefined,
): Found {
  // Before the header is read: the device may be writing it.
  const unfinished = isUnfinished(segment.mapping);
  const kind = readHeader(segment.mapping, place.label);
  if (unfinished && kind.kind === "plain") {
    // It may also have begun after its signs were looked for.
    const now = signs ?? signsOf(place);
    if (now?.claimed) throw missing(place, now);
    if (now !== undefined) throw died(place, now.pid);
    // Or have ended by then: it takes its signs away after its memory.
    if (segment.removed) throw missing(place, undefined);
  }
  const pid = kind.kind === "device"
    ? visiblePid(kind.header.identity)
    : segment.creator?.pid ?? 0;
  const liveness = kind.kind === "device"
    ? new DeviceLiveness(place.key, kind.header.identity)
    : new PlainLiveness(segment);
  if (liveness.lives()) return { segment, kind, liveness, pid };
  liveness[Symbol.dispose]();
  // Who has died leaves it; who has ended just now has removed it.
  throw segment.removed ? missing(place, undefined) : died(place, pid);
}

/** What the semaphores of a key say, if they are a device's. */
export function signsOf({ key }: Place): Signs | undefined {
  using semaphores = DeviceSemaphores.findReadable(key);
  try {
    const transport = semaphores?.transport;
    if (semaphores === undefined || transport === undefined) return undefined;
    return {
      transport,
      claimed: semaphores.claimed,
      pid: semaphores.holder,
      fd: semaphores.fd,
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function missing(place: Place, signs: Signs | undefined): Error {
  // A memfd is gone with its device; only the semaphores tell of it.
  if (signs?.transport === "memfd" && !signs.claimed) {
    return died(place, signs.pid);
  }
  return deviceError(
    "ENOENT",
    "shmget",
    `Cannot open ${place.label}: there is none`,
  );
}

/** The error of a device that has died. */
export function died(place: Place, pid: number, action = "open"): Error {
  const who = pid > 0 ? `process ${pid}` : processText(pid);
  return deviceError(
    "EOWNERDEAD",
    "shmget",
    `Cannot ${action} ${place.label}: ${who} that ran it has died and left it behind`,
  );
}
