/**
 * POSIX message queues below the class: opening, limits, the receive buffer.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { check0, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from "../../ffi/libc/fcntl.ts";
import { MQ_PRIO_MAX } from "../../ffi/libc/limits.ts";
import { mq_attr, mqueue } from "../../ffi/libc/mqueue.ts";
import {
  rlimit,
  RLIMIT_MSGQUEUE,
  sys_resource,
} from "../../ffi/libc/sys_resource.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { integer, shown } from "../core/convert/argument.ts";
import { changeFile, fileError, rawStat, readAt } from "../core/file/file.ts";
import { tryReadTextFile } from "../core/file/read_file.ts";
import { closeFd, closingOnError } from "../core/handle/close_fd.ts";

/** A message of a POSIX queue. */
export interface PosixMessage {
  /** Its bytes: a new array, or a part of the caller's `into`. */
  data: Uint8Array<ArrayBuffer>;
  /** Its priority, 0 to 32767. */
  priority: number;
}

/** The size and use of a queue: `struct mq_attr`. */
export interface PosixMessageQueueAttributes {
  /** How many messages it can hold. */
  maxMessages: number;
  /** The most bytes of a message. */
  messageSize: number;
  /** How many messages it holds now. */
  messages: number;
  /** Whether the open queue is non-blocking: see `setNonBlocking()`. */
  nonBlocking: boolean;
}

/** The state of a queue. */
export interface PosixMessageQueueStat extends PosixMessageQueueAttributes {
  /** The size of its messages in bytes; undefined for a write-only handle. */
  bytes: number | undefined;
  /**
   * The process registered for notification (`mq_notify`), 0 for none;
   * undefined for a write-only handle.
   */
  notifyPid: number | undefined;
  /** User id of its owner. */
  uid: number;
  /** Group id of its owner. */
  gid: number;
  /** Permission bits, the lowest nine. */
  mode: number;
  /** Whether it is unlinked, and ends with its last descriptor. */
  unlinked: boolean;
}

/**
 * Limits of queues on this machine (in this IPC namespace) and this process.
 */
export interface PosixMessageQueueLimits {
  /** How many queues there can be (`queues_max`). */
  maxQueues: number;
  /** How many messages a queue can hold (`msg_max`). */
  maxMessages: number;
  /** The most bytes of a message (`msgsize_max`). */
  maxMessageSize: number;
  /** How many messages a queue can hold by default. */
  defaultMessages: number;
  /** The most bytes of a message by default. */
  defaultMessageSize: number;
  /**
   * How many bytes all queues of this user can have, including 96 per message
   * (`RLIMIT_MSGQUEUE`).
   */
  maxBytes: number;
}

/** Bytes that the kernel charges for a message in addition to its data. */
const OVERHEAD = 96;

/** Returns the limits, with the defaults of Linux for those not in `/proc`. */
export function queueLimits(): PosixMessageQueueLimits {
  const read = (name: string, otherwise: number) =>
    Number(tryReadTextFile(`/proc/sys/fs/mqueue/${name}`) ?? otherwise);
  const limits = new Uint8Array(rlimit.size);
  check0(
    sys_resource().getrlimit(RLIMIT_MSGQUEUE, limits),
    errno[0],
    "getrlimit",
    "read the limits of",
    "this process",
  );
  const maxMessages = read("msg_max", 10);
  const maxMessageSize = read("msgsize_max", 8192);
  return {
    maxQueues: read("queues_max", 256),
    maxMessages,
    maxMessageSize,
    defaultMessages: Math.min(read("msg_default", 10), maxMessages),
    defaultMessageSize: Math.min(read("msgsize_default", 8192), maxMessageSize),
    maxBytes: Number(rlimit.view(limits).rlim_cur),
  };
}

/** Returns the name of a queue in messages. */
export function queueLabel(name: string): string {
  return `message queue ${JSON.stringify(name)}`;
}

/** The parts of a handle. */
export interface QueueInit {
  /** Its descriptor. */
  fd: number;
  /** Its name. */
  name: string;
  /** Whether it was created for this handle. */
  created: boolean;
  /** Whether dispose removes it. */
  owner: boolean;
  /** Whether it was opened for receiving. */
  readable: boolean;
}

/** The parameters of a new queue. */
export interface QueueCreation {
  /** How many messages it can hold, if given. */
  maxMessages: number | undefined;
  /** The most bytes of a message, if given. */
  messageSize: number | undefined;
  /** Permission bits. */
  mode: number;
  /** Whether the umask does not apply. */
  exact: boolean;
}

/** `mq_open(O_CREAT | O_EXCL)`: creates a queue and returns its descriptor. */
export function createQueue(name: string, creation: QueueCreation): number {
  const { mode, exact } = creation;
  const label = queueLabel(name);
  const size = sizeOf(creation);
  const fd = mqueue().mq_open_create(
    cstring(name, "name"),
    O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC,
    mode,
    attributesFor(size),
  );
  const error = errnoOf(fd, errno[0]);
  if (error !== 0) {
    throw ipcError(error, "mq_open", "create", label, limitHint(error, size));
  }
  try {
    if (exact) changeFile(fd, { mode }, label);
  } catch (error) {
    closeFd(fd, label);
    unlinkQueue(name);
    throw error;
  }
  return fd;
}

/** `mq_open`: opens a queue by its name and returns its descriptor. */
export function openQueue(
  name: string,
  access: "read" | "write" | "both",
  foreign: boolean,
): number {
  const label = queueLabel(name);
  const flags = { read: O_RDONLY, write: O_WRONLY, both: O_RDWR }[access];
  const fd = mqueue().mq_open(
    cstring(name, "name"),
    flags | O_NONBLOCK | O_CLOEXEC,
  );
  const error = errnoOf(fd, errno[0]);
  if (error !== 0) {
    const hint = error === ERRNO.EACCES ? "its mode forbids it" : undefined;
    throw ipcError(error, "mq_open", "open", label, hint);
  }
  if (foreign) return fd;
  return closingOnError(fd, label, () => {
    const { st_uid } = rawStat(fd, label);
    if (st_uid === unistd().geteuid() || st_uid === 0) return fd;
    const reason = `it belongs to user ${st_uid}`;
    throw fileError(ERRNO.EPERM, "open", label, reason);
  });
}

/** `mq_unlink`: removes a name. */
export function unlinkQueue(name: string): void {
  check0(
    mqueue().mq_unlink(cstring(name, "name")),
    errno[0],
    "mq_unlink",
    "unlink",
    queueLabel(name),
  );
}

/**
 * Returns the inode, unique within a namespace: its queues share a file system.
 */
export function inodeOf(fd: number, label: string): bigint {
  return rawStat(fd, label).st_ino;
}

/** Whether the name now belongs to another queue. */
export function isReplacedQueue(name: string, inode: bigint): boolean {
  const fd = mqueue().mq_open(
    cstring(name, "name"),
    O_RDONLY | O_NONBLOCK | O_CLOEXEC,
  );
  if (errnoOf(fd, errno[0]) !== 0) return false;
  const label = queueLabel(name);
  try {
    return inodeOf(fd, label) !== inode;
  } finally {
    closeFd(fd, label);
  }
}

/** `mq_getattr`: returns the size and use of a queue. */
export function queueAttributes(
  fd: number,
  label: string,
): PosixMessageQueueAttributes {
  const buffer = new Uint8Array(mq_attr.size);
  check0(
    mqueue().mq_getattr(fd, buffer),
    errno[0],
    "mq_getattr",
    "look at",
    label,
  );
  const attributes = mq_attr.read(buffer);
  return {
    maxMessages: Number(attributes.mq_maxmsg),
    messageSize: Number(attributes.mq_msgsize),
    messages: Number(attributes.mq_curmsgs),
    nonBlocking: attributes.mq_flags !== 0n,
  };
}

/** `mq_setattr`: sets `O_NONBLOCK`, the only attribute that can be changed. */
export function setQueueNonBlocking(
  fd: number,
  value: boolean,
  label: string,
): void {
  const attributes = new Uint8Array(mq_attr.size);
  mq_attr.view(attributes).mq_flags = value ? BigInt(O_NONBLOCK) : 0n;
  const result = mqueue().mq_setattr(fd, attributes, null);
  check0(result, errno[0], "mq_setattr", "change", label);
}

/** `mq_getattr`, `fstat`, `pread`: returns the state of a queue. */
export function queueStat(
  fd: number,
  label: string,
  readable: boolean,
): PosixMessageQueueStat {
  const raw = rawStat(fd, label);
  const line = readable ? stateOf(fd, label) : "";
  const number = (name: string) => {
    const found = new RegExp(`\\b${name}:(\\d+)`).exec(line)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  return {
    ...queueAttributes(fd, label),
    bytes: number("QSIZE"),
    notifyPid: number("NOTIFY_PID"),
    uid: raw.st_uid,
    gid: raw.st_gid,
    mode: raw.st_mode & 0o777,
    unlinked: Number(raw.st_nlink) === 0,
  };
}

function stateOf(fd: number, label: string): string {
  const buffer = new Uint8Array(128);
  const length = readAt(fd, buffer, 0, label);
  return new TextDecoder().decode(buffer.subarray(0, length));
}

// The receive buffer. Calls do not interleave on a thread, so one is enough.
// All calls use it: given a bad address, the kernel would drop the message.
let bytes = new Uint8Array(0);
let payload = bytes;
const priority = new Uint32Array(1);

/**
 * A deadline in the past (`struct timespec`). With it the calls below never
 * block, even if another user of the descriptor has cleared `O_NONBLOCK`.
 */
const PAST = new Uint8Array(new ArrayBuffer(16));
// A call takes 12 ns for a pointer and 32 for a buffer.
let past: Deno.PointerValue;

function overAlready(): Deno.PointerValue {
  return past ??= Deno.UnsafePointer.of(PAST);
}

/** Turns the errors of a call that would have blocked into `EAGAIN`. */
function orEmpty(error: number): number {
  return error === ERRNO.ETIMEDOUT || error === ERRNO.EINTR
    ? ERRNO.EAGAIN
    : error;
}

/** `mq_timedsend`: returns 0 or the errno, `EAGAIN` when the queue is full. */
export function sendMessage(
  fd: number,
  data: Uint8Array,
  priority: number,
): number {
  const { length } = data;
  const time = overAlready();
  const result = mqueue().mq_timedsend(fd, data, length, priority, time);
  return orEmpty(errnoOf(result, errno[0]));
}

/** `mq_timedreceive`: returns a message or the errno, `EAGAIN` when empty. */
export function receiveMessage(
  fd: number,
  messageSize: number,
  into: Uint8Array<ArrayBuffer> | undefined,
): PosixMessage | number {
  if (bytes.length < messageSize) {
    bytes = new Uint8Array(Math.max(messageSize, 8192));
    payload = bytes;
  }
  const time = overAlready();
  const length = mqueue()
    .mq_timedreceive(fd, bytes, messageSize, priority, time);
  const error = errnoOf(length, errno[0]);
  if (error !== 0) return orEmpty(error);
  // Making a view takes longer than copying a small message.
  if (payload.length !== length) payload = bytes.subarray(0, length);
  const data = into === undefined ? payload.slice() : fill(into);
  return { data, priority: priority[0] ?? 0 };
}

function fill(into: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  into.set(payload);
  return payload.length === into.length
    ? into
    : into.subarray(0, payload.length);
}

/**
 * Checks the buffer for a message, before one is received and would be lost.
 */
export function checkInto(
  into: Uint8Array<ArrayBuffer> | undefined,
  messageSize: number,
): void {
  if (into === undefined) return;
  if (!(into instanceof Uint8Array)) {
    throw new TypeError(`into must be a Uint8Array, got ${shown(into)}`);
  }
  if (into.length < messageSize) {
    throw new RangeError(
      `into must have the ${messageSize} bytes of the longest message, got ${into.length}`,
    );
  }
}

/** Checks a priority. */
export function checkPriority(priority: number): number {
  return integer(priority, "priority", 0, MQ_PRIO_MAX - 1);
}

interface QueueSize {
  maxMessages: number;
  messageSize: number;
}

/**
 * Returns the size of a new queue, or undefined to use the kernel's defaults.
 */
function sizeOf(creation: QueueCreation): QueueSize | undefined {
  const { maxMessages, messageSize } = creation;
  if (maxMessages === undefined && messageSize === undefined) return undefined;
  // Without a free descriptor mq_open fails too, with the right error.
  const limits = hasDescriptor() ? queueLimits() : undefined;
  return {
    maxMessages: maxMessages ?? limits?.defaultMessages ?? 1,
    messageSize: messageSize ?? limits?.defaultMessageSize ?? 1,
  };
}

function attributesFor(
  size: QueueSize | undefined,
): Uint8Array<ArrayBuffer> | null {
  if (size === undefined) return null;
  const buffer = new Uint8Array(mq_attr.size);
  mq_attr.write(buffer, {
    mq_maxmsg: BigInt(size.maxMessages),
    mq_msgsize: BigInt(size.messageSize),
  });
  return buffer;
}

/** Explains a failed creation by the limit that it exceeds. */
function limitHint(
  error: number,
  size: QueueSize | undefined,
): string | undefined {
  switch (error) {
    case ERRNO.EINVAL: {
      const limits = queueLimits();
      return `${size?.maxMessages} messages of ${size?.messageSize} bytes are asked for; without CAP_SYS_RESOURCE msg_max is ${limits.maxMessages} and msgsize_max ${limits.maxMessageSize} (/proc/sys/fs/mqueue)`;
    }
    case ERRNO.ENOSPC:
      return `queues_max is ${queueLimits().maxQueues} (/proc/sys/fs/mqueue)`;
    case ERRNO.EMFILE:
      return hasDescriptor()
        ? bytesHint(queueLimits(), size)
        : "the process has no descriptor left (RLIMIT_NOFILE)";
    default:
      return undefined;
  }
}

function bytesHint(
  limits: PosixMessageQueueLimits,
  size: QueueSize | undefined,
): string {
  const { maxMessages, messageSize } = size ??
    {
      maxMessages: limits.defaultMessages,
      messageSize: limits.defaultMessageSize,
    };
  const needed = maxMessages * (messageSize + OVERHEAD);
  return `it would take ${needed} bytes, and RLIMIT_MSGQUEUE allows all queues of the user ${limits.maxBytes}`;
}

/** Whether a descriptor is free, tried by opening a file. */
function hasDescriptor(): boolean {
  try {
    // This works without /proc too: open takes a descriptor before it looks up
    // the path.
    tryReadTextFile("/proc/self/limits");
    return true;
  } catch {
    return false;
  }
}
