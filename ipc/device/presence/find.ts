/**
 * Finds the memory of a device.
 *
 * @module
 */

import { hasCode, isGone } from "../../../ffi/errno.ts";
import { processText, visiblePid } from "../identity.ts";
import { deviceError, type Place } from "../address.ts";
import { isUnfinished, type MemoryKind, readHeader } from "../memory/header.ts";
import { findSegment, type Segment } from "../memory/segment.ts";
import { areSame, type Signs, signsOf } from "./signs.ts";
import type { Transport } from "../types.ts";
import { DeviceLiveness, type Liveness, PlainLiveness } from "./liveness.ts";

/** The number of attempts when a device begins or ends meanwhile. */
const ATTEMPTS = 10;

/** A device that was found. */
export interface Found {
  /** Its memory, read-only. */
  segment: Segment;
  /** The kind of its memory. */
  kind: MemoryKind;
  /** Tells whether it is alive. */
  liveness: Liveness;
  /** Its process id; 0 when it is not visible. */
  pid: number;
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
  let signs = signsOf(place);
  for (let i = 0; i < ATTEMPTS; i++) {
    using stack = new DisposableStack();
    const seen = look(place, transport, signs, stack);
    const before = signs;
    signs = signsOf(place);
    // In this order: a device removes its semaphores last.
    if (!areSame(before, signs) || seen.segment?.removed) continue;
    if ("error" in seen) throw seen.error;
    stack.move();
    return seen;
  }
  // Devices begin and end all the time: report that there is none.
  throw missing(place, undefined);
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

/** The memory found, and why it is not a living device's. */
interface Refused {
  segment: Segment | undefined;
  error: unknown;
}

/** Finds a device, or the reason why there is none. */
function look(
  place: Place,
  transport: Transport | undefined,
  signs: Signs | undefined,
  stack: DisposableStack,
): Found | Refused {
  let segment: Segment | undefined;
  try {
    segment = stack.use(openSegment(place, transport, signs));
    const found = examine(segment, place, signs);
    stack.use(found.liveness);
    return found;
  } catch (error) {
    return { segment, error };
  }
}

function openSegment(
  place: Place,
  transport: Transport | undefined,
  signs: Signs | undefined,
): Segment {
  const where = transport ?? signs?.transport ?? "sysv";
  if (signs !== undefined && where !== signs.transport && signs.claimed) {
    throw deviceError(
      "ENOENT",
      "semget",
      `Cannot open ${place.label}: its memory is not ${where} but ${signs.transport}`,
    );
  }
  // The pid of a dead device may belong to another process by now.
  const { pid, fd } = signs?.claimed ? signs : {};
  const segment = findSegment(where, { key: place.key, pid, fd });
  if (segment === undefined) throw missing(place, signs);
  return segment;
}

function examine(
  segment: Segment,
  place: Place,
  signs: Signs | undefined,
): Found {
  // Check before reading the header: the device may be writing it.
  const unfinished = isUnfinished(segment.mapping);
  const kind = readHeader(segment.mapping, place.label);
  if (unfinished && kind.kind === "plain" && signs !== undefined) {
    throw signs.claimed ? missing(place, signs) : died(place, signs.pid);
  }
  const pid = kind.kind === "device"
    ? visiblePid(kind.header.identity)
    : segment.creator?.pid ?? 0;
  const liveness = kind.kind === "device"
    ? new DeviceLiveness(place.key, kind.header.identity)
    : new PlainLiveness(segment);
  if (liveness.lives()) return { segment, kind, liveness, pid };
  liveness[Symbol.dispose]();
  throw died(place, pid);
}

function missing(place: Place, signs: Signs | undefined): Error {
  // A memfd vanishes with its device; only the semaphores remain.
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
