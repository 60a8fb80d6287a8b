/**
 * System V message queues below the class: state, lists, the message buffer.
 *
 * @module
 */

import { checkInt, ERRNO, errnoOf } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { IPC_SET, IPC_STAT } from "../../ffi/libc/sys_ipc.ts";
import {
  MSG_EXCEPT,
  MSG_INFO,
  MSG_NOERROR,
  MSG_STAT_ANY,
  msgbuf,
  msginfo,
  msqid_ds,
  sys_msg,
} from "../../ffi/libc/sys_msg.ts";
import { size } from "../core/convert/argument.ts";
import { checkMemory } from "../core/convert/bytes.ts";
import { dateOf } from "./_time.ts";
import type { BlockingCall } from "../core/wait/source.ts";
import {
  applyChanges,
  checkExists,
  type PermissionChanges,
  type Permissions,
  permissionsOf,
  permissionsOfRow,
  procTable,
} from "./_object.ts";

/** A message of a System V queue. */
export interface SysvMessage {
  /** Its type, from 1 on; inexact above 2^53. */
  type: number;
  /** Its bytes: a new array, or a part of the caller's `into`. */
  data: Uint8Array<ArrayBuffer>;
}

/** The state of a queue: every field of `struct msqid_ds`. */
export interface SysvMessageQueueStat extends Permissions {
  /** Its id. */
  id: number;
  /** How many messages it holds. */
  messages: number;
  /** How many bytes these messages have. */
  bytes: number;
  /**
   * How many bytes it may hold, and also how many messages. It is 0 when
   * `SysvMessageQueue.list()` could only read `/proc`, which lacks the limit.
   */
  maxBytes: number;
  /** When a message was last sent. */
  sendTime: Date | null;
  /** When a message was last received. */
  receiveTime: Date | null;
  /** When it was created or last changed by `set()`. */
  changeTime: Date | null;
  /** The process that sent last; 0 for none. */
  lastSendPid: number;
  /** The process that received last; 0 for none. */
  lastReceivePid: number;
}

/** The changes that `SysvMessageQueue.set()` makes. */
export interface SysvMessageQueueChanges extends PermissionChanges {
  /**
   * How many bytes the queue may hold. More than `MSGMNB` needs privilege.
   *
   * @default {undefined} unchanged
   */
  maxBytes?: number;
}

// A `struct msgbuf`: the type, 64 bits, and the bytes. Calls do not interleave
// on a thread, so one is enough. All calls use it: given a bad address, the
// kernel would drop the message.
const HEAD = msgbuf.offsets.mtext;
let capacity = -1;
let bytes = new Uint8Array(0);
let words = new Uint32Array(0);
let payload = bytes;

function ensureCapacity(length: number): void {
  if (length <= capacity) return;
  // 8192 is the default MSGMAX.
  capacity = Math.max(8192, length);
  bytes = new Uint8Array(HEAD + capacity);
  words = new Uint32Array(bytes.buffer, 0, 2);
  payload = bytes;
}

/** `msgsnd`: returns 0 or the errno. */
export function sendMessage(
  id: number,
  type: number,
  data: Uint8Array,
  flags: number,
): number {
  const length = data.length;
  ensureCapacity(length);
  words[0] = type;
  words[1] = type / 0x1_0000_0000;
  bytes.set(data, HEAD);
  return errnoOf(sys_msg().msgsnd(id, bytes, length, flags), errno[0]);
}

/** The choice of a message, and the handling of its bytes. */
export interface MessageRequest {
  /** The `msgtyp` of `msgrcv`. */
  readonly type: bigint;
  /** Flags of `msgrcv`. */
  readonly flags: number;
  /** The most bytes to take, or undefined for no limit. */
  readonly maxSize: number | undefined;
  /** The buffer for them, or undefined for a new array. */
  readonly into: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * `msgrcv`: returns the message or the errno.
 *
 * Without `maxSize` it receives a message of any size: one that does not fit
 * into the buffer stays in the queue (`E2BIG`), and the buffer grows.
 */
export function receiveMessage(
  id: number,
  request: MessageRequest,
  moreFlags: number,
): SysvMessage | number {
  const { type, into } = request;
  const flags = request.flags | moreFlags;
  // Check first: the kernel would take the message out of the queue anyway.
  if (into?.length === 0) checkMemory(into, "into");
  const maxSize = into === undefined
    ? request.maxSize
    : Math.min(into.length, request.maxSize ?? into.length);
  ensureCapacity(1);
  for (;;) {
    const room = maxSize === undefined || maxSize > capacity
      ? capacity
      : maxSize;
    // Only the caller's limit truncates.
    const flag = room === maxSize ? flags : flags & ~MSG_NOERROR;
    const length = sys_msg().msgrcv(id, bytes, room, type, flag);
    const error = errnoOf(length, errno[0]);
    if (error === 0) return takeMessage(length, into);
    if (error !== ERRNO.E2BIG || room === maxSize) return error;
    // No message is longer than all messages together.
    const all = statById(id, `System V message queue ${id}`).bytes;
    ensureCapacity(
      Math.min(Math.max(2 * capacity, all), maxSize ?? Infinity),
    );
  }
}

function takeMessage(
  length: number,
  into: Uint8Array<ArrayBuffer> | undefined,
): SysvMessage {
  const type = (words[1] as number) * 0x1_0000_0000 + (words[0] as number);
  // Making a view or calling slice() takes longer than copying a small message.
  if (payload.length !== length) {
    payload = bytes.subarray(HEAD, HEAD + length);
  }
  if (into === undefined) {
    const data = new Uint8Array(length);
    data.set(payload);
    return { type, data };
  }
  into.set(payload);
  const full = length === into.length;
  return { type, data: full ? into : into.subarray(0, length) };
}

/** Returns how many bytes a queue may hold, or undefined when unreadable. */
export function maxBytesOf(id: number): number | undefined {
  const buffer = new Uint8Array(msqid_ds.size);
  const error = errnoOf(sys_msg().msgctl_buf(id, IPC_STAT, buffer), errno[0]);
  return error === 0 ? Number(msqid_ds.view(buffer).msg_qbytes) : undefined;
}

/** `msgctl(IPC_SET)`: changes a queue. */
export function changeQueue(
  id: number,
  changes: SysvMessageQueueChanges,
  label: string,
): void {
  const buffer = statBuffer(id, label);
  const ds = msqid_ds.view(buffer);
  const maxBytes = changes.maxBytes;
  // The kernel stores it in 32 bits.
  if (maxBytes !== undefined) size(maxBytes, "maxBytes", 0, 0xffff_ffff);
  applyChanges(ds.msg_perm, changes);
  if (maxBytes !== undefined) ds.msg_qbytes = BigInt(maxBytes);
  checkExists(
    sys_msg().msgctl_buf(id, IPC_SET, buffer),
    errno[0],
    "msgctl",
    "change",
    label,
  );
}

/** `msgctl(IPC_STAT)`: returns the state of a queue. */
export function statById(id: number, label: string): SysvMessageQueueStat {
  return statOf(id, statBuffer(id, label));
}

/**
 * `msgctl(MSG_STAT_ANY)`: lists all queues, from `/proc/sysvipc/msg` if need
 * be.
 */
export function listQueues(): SysvMessageQueueStat[] {
  const { msgctl_buf } = sys_msg();
  const highest = checkInt(
    msgctl_buf(0, MSG_INFO, new Uint8Array(msginfo.size)),
    errno[0],
    "msgctl",
    "list",
    "System V message queues",
  );
  const buffer = new Uint8Array(msqid_ds.size);
  const found: SysvMessageQueueStat[] = [];
  for (let index = 0; index <= highest; index++) {
    const id = msgctl_buf(index, MSG_STAT_ANY, buffer);
    if (errnoOf(id, errno[0]) === 0) found.push(statOf(id, buffer));
  }
  // Kernels before 4.17 and some sandboxes have no MSG_STAT_ANY.
  return found.length > 0 ? found : procTable("msg").map(statOfRow);
}

function statBuffer(id: number, label: string): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(msqid_ds.size);
  checkExists(
    sys_msg().msgctl_buf(id, IPC_STAT, buffer),
    errno[0],
    "msgctl",
    "stat",
    label,
  );
  return buffer;
}

function statOf(
  id: number,
  buffer: Uint8Array<ArrayBuffer>,
): SysvMessageQueueStat {
  const ds = msqid_ds.read(buffer);
  return {
    id,
    ...permissionsOf(ds.msg_perm),
    messages: Number(ds.msg_qnum),
    bytes: Number(ds.__msg_cbytes),
    maxBytes: Number(ds.msg_qbytes),
    sendTime: dateOf(ds.msg_stime),
    receiveTime: dateOf(ds.msg_rtime),
    changeTime: dateOf(ds.msg_ctime),
    lastSendPid: ds.msg_lspid,
    lastReceivePid: ds.msg_lrpid,
  };
}

function statOfRow(row: Record<string, number>): SysvMessageQueueStat {
  const column = (name: string) => row[name] ?? 0;
  const id = column("msqid");
  return {
    id,
    ...permissionsOfRow(id, column),
    messages: column("qnum"),
    bytes: column("cbytes"),
    maxBytes: 0,
    sendTime: dateOf(BigInt(column("stime"))),
    receiveTime: dateOf(BigInt(column("rtime"))),
    changeTime: dateOf(BigInt(column("ctime"))),
    lastSendPid: column("lspid"),
    lastReceivePid: column("lrpid"),
  };
}

/** Whether a request asks for messages of a type. */
export function matches(
  type: number,
  { type: asked, flags }: MessageRequest,
): boolean {
  const wanted = Number(asked);
  if (wanted === 0) return true;
  if (wanted < 0) return type <= -wanted;
  return (type === wanted) !== ((flags & MSG_EXCEPT) !== 0);
}

let leavesMemory: boolean | undefined;

/**
 * Whether a failing `msgrcv` leaves the memory unchanged. Under qemu it writes
 * a type from uninitialized heap memory there, so try repeatedly.
 */
function failureLeavesMemory(): boolean {
  if (leavesMemory === undefined) {
    const memory = new Uint8Array(HEAD);
    for (let i = 0; i < 8; i++) sys_msg().msgrcv(-1, memory, 0, 0n, 0);
    leavesMemory = memory.every((byte) => byte === 0);
  }
  return leavesMemory;
}

/**
 * `msgrcv` with a size of 0: it fails with `E2BIG` when there is a message,
 * which stays in the queue. It takes only an empty message, which is passed to
 * `keep`. Returns undefined when a taken message could not be detected.
 */
export function waitForMessage(
  id: number,
  { type, flags }: MessageRequest,
  keep: (message: SysvMessage) => void,
): BlockingCall | undefined {
  if (!failureLeavesMemory()) return undefined;
  return {
    symbol: "msgrcv",
    prepare(memory, address) {
      memory.fill(0, 0, HEAD);
      const wanted = BigInt.asUintN(64, type);
      return [BigInt(id), address, 0n, wanted, BigInt(flags & MSG_EXCEPT)];
    },
    finish(memory) {
      const view = new DataView(memory.buffer, memory.byteOffset);
      const taken = Number(view.getBigInt64(0, true));
      if (taken !== 0) keep({ type: taken, data: new Uint8Array(0) });
    },
  };
}
