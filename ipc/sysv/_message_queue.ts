/**
 * System V message queues below the class: state, lists, the buffer that
 * messages pass through.
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
import { dateOf } from "../core/convert/time.ts";
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
  /** Its bytes: a copy of their own, or a part of the caller's `into`. */
  data: Uint8Array<ArrayBuffer>;
}

/** What the kernel knows of a queue: every field of `struct msqid_ds`. */
export interface SysvMessageQueueStat extends Permissions {
  /** Its id. */
  id: number;
  /** How many messages it holds. */
  messages: number;
  /** How many bytes these have. */
  bytes: number;
  /**
   * How many bytes it may hold, and also how many messages; 0 where
   * `SysvMessageQueue.list()` could only read `/proc`, which does not say.
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

/** What `SysvMessageQueue.set()` changes. */
export interface SysvMessageQueueChanges extends PermissionChanges {
  /**
   * How many bytes the queue may hold. More than `MSGMNB` takes privilege.
   *
   * @default {undefined} unchanged
   */
  maxBytes?: number;
}

// `struct msgbuf`: the type, 64 bits, and the bytes. Calls do not interleave on
// a thread, so one will do, and no call ever writes anywhere else: with a bad
// address the kernel would drop the message.
const HEAD = msgbuf.offsets.mtext;
let capacity = -1;
let bytes = new Uint8Array(0);
let words = new Uint32Array(0);
let payload = bytes;

function ensureCapacity(length: number): void {
  if (length <= capacity) return;
  // The least that all messages of a machine as it comes fit in.
  capacity = Math.max(8192, length);
  bytes = new Uint8Array(HEAD + capacity);
  words = new Uint32Array(bytes.buffer, 0, 2);
  payload = bytes;
}

/** `msgsnd`: 0 or the errno. */
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

/** Which message is received, and what becomes of it. */
export interface MessageRequest {
  /** The `msgtyp` of `msgrcv`. */
  readonly type: bigint;
  /** Flags of `msgrcv`. */
  readonly flags: number;
  /** The most bytes to take, or undefined for as many as there are. */
  readonly maxSize: number | undefined;
  /** Where to put them, or undefined for bytes of their own. */
  readonly into: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * `msgrcv`: the message or the errno.
 *
 * Without `maxSize` a message of any size is received: one that does not fit
 * into the buffer stays in the queue (`E2BIG`), and the buffer grows.
 */
export function receiveMessage(
  id: number,
  request: MessageRequest,
  moreFlags: number,
): SysvMessage | number {
  const { type, into } = request;
  const flags = request.flags | moreFlags;
  // The kernel would take the message out of the queue all the same.
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
    // No message has more bytes than all of them together.
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
  // Making a view takes longer than copying a small message, and so does slice().
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

/** How many bytes a queue may hold, or undefined when that may not be read. */
export function maxBytesOf(id: number): number | undefined {
  const buffer = new Uint8Array(msqid_ds.size);
  const error = errnoOf(sys_msg().msgctl_buf(id, IPC_STAT, buffer), errno[0]);
  return error === 0 ? Number(msqid_ds.view(buffer).msg_qbytes) : undefined;
}

/** `msgctl(IPC_SET)` */
export function changeQueue(
  id: number,
  changes: SysvMessageQueueChanges,
  label: string,
): void {
  const buffer = statBuffer(id, label);
  const ds = msqid_ds.view(buffer);
  const maxBytes = changes.maxBytes;
  // The kernel keeps it in 32 bits.
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

/** `msgctl(IPC_STAT)` */
export function statById(id: number, label: string): SysvMessageQueueStat {
  return statOf(id, statBuffer(id, label));
}

/** `msgctl(MSG_STAT_ANY)` of all queues, `/proc/sysvipc/msg` as fallback. */
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
  // A kernel before 4.17, or a sandbox, has no MSG_STAT_ANY.
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
 * Whether a `msgrcv` that fails leaves the memory alone. That of qemu writes a
 * type there all the same: what happens to lie in its heap, so look repeatedly.
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
 * `msgrcv` without room for the message: ends with `E2BIG` when there is one,
 * and leaves it in the queue. Only an empty message is taken; it is given to
 * `keep`. Undefined where one could not tell whether a message was taken.
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
