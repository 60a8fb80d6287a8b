/**
 * `sendmsg` and `recvmsg`: messages that carry descriptors and credentials.
 *
 * @module
 */

import { errnoOf, withErrno } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  cmsghdr,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  msghdr,
  SCM_CREDENTIALS,
  SCM_PIDFD,
  SCM_RIGHTS,
  SOL_SOCKET,
  sys_socket,
  ucred,
} from "../../ffi/libc/sys_socket.ts";
import { iovec } from "../../ffi/libc/sys_uio.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";

/** `SCM_MAX_FD`: the most descriptors of one message. */
export const MAX_FDS = 253;

/** Who is at the other end: `struct ucred`. */
export interface Credentials {
  /** Process id; 0 when it is outside our PID namespace. */
  pid: number;
  /** Effective user id. */
  uid: number;
  /** Effective group id. */
  gid: number;
}

/** What {@linkcode receiveWithFds} found. */
export interface Received {
  /** Bytes received. */
  count: number;
  /** Whether the data did not fit, and was cut; no descriptor is kept then. */
  cut: boolean;
  /** The descriptors, close-on-exec. */
  fds: Fd[];
  /** Whether descriptors were lost; all that came are closed then. */
  fdsLost: boolean;
  /** Who sent it, with the option `passCredentials`. */
  credentials: Credentials | undefined;
}

// `struct cmsghdr`, with its data behind it.
const { cmsg_len: LEN, cmsg_level: LEVEL, cmsg_type: TYPE } = cmsghdr.offsets;
const CMSG = cmsghdr.size;

const align = (length: number) => (length + 7) & ~7;

/**
 * Room for the most descriptors, credentials, and whatever else a socket that
 * was set up elsewhere may deliver (time stamps, security labels).
 */
const ROOM = align(CMSG + 4 * MAX_FDS) + align(CMSG + ucred.size) + 1024;

// What the kernel sees by address must neither move nor be collected. The calls
// do not wait, so one of each is enough for all of an isolate.
const control = new Uint8Array(new ArrayBuffer(ROOM));
const controlView = new DataView(control.buffer);
const header = new Uint8Array(new ArrayBuffer(msghdr.size));
const headerView = msghdr.view(header);
const iov = new Uint8Array(new ArrayBuffer(iovec.size));
const iovView = iovec.view(iov);
const held: Uint8Array[] = [];

/** Where the bytes of a view are; a view of the heap's is moved out of it. */
function addressOf(view: ArrayBufferView<ArrayBuffer>): bigint {
  const { buffer, byteOffset } = view;
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  return BigInt(start) + BigInt(byteOffset);
}

/** Fills the `struct msghdr` for so much data and so many control bytes. */
function prepare(
  data: Uint8Array<ArrayBuffer>,
  size: number,
  length: number,
): void {
  held[0] = data;
  iovView.iov_base = size === 0 ? 0n : addressOf(data);
  iovView.iov_len = BigInt(size);
  headerView.msg_iov = addressOf(iov);
  headerView.msg_iovlen = 1n;
  headerView.msg_control = addressOf(control);
  headerView.msg_controllen = BigInt(length);
}

/** `sendmsg(SCM_RIGHTS)` without waiting: how much went out, or minus errno. */
export function sendWithFds(
  fd: number,
  data: Uint8Array<ArrayBuffer>,
  fds: readonly number[],
): number {
  const length = CMSG + 4 * fds.length;
  cmsghdr.write(control, {
    cmsg_len: BigInt(length),
    cmsg_level: SOL_SOCKET,
    cmsg_type: SCM_RIGHTS,
  });
  fds.forEach((fd, i) => controlView.setInt32(CMSG + 4 * i, fd, true));
  prepare(data, data.length, align(length));
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const count = withErrno(sys_socket().sendmsg(fd, header, flags), errno[0]);
  held.length = 0;
  return count;
}

/**
 * `recvmsg` without waiting: up to so much data and all descriptors that come
 * with it, or the errno.
 */
export function receiveWithFds(
  fd: number,
  data: Uint8Array<ArrayBuffer>,
  size: number,
): Received | number {
  prepare(data, size, ROOM);
  const count = sys_socket().recvmsg(
    fd,
    header,
    MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
  );
  const error = errnoOf(count, errno[0]);
  held.length = 0;
  if (error !== 0) return error;
  const { msg_flags: flags, msg_controllen } = headerView;
  const used = Number(msg_controllen);
  const { numbers, credentials } = parse(Math.min(used, ROOM));
  const fdsLost = (flags & MSG_CTRUNC) !== 0;
  const cut = (flags & MSG_TRUNC) !== 0;
  const label = "descriptor from a socket";
  // Some of what belongs together is nothing to hand out.
  const useless = fdsLost || cut;
  // Whatever closing a stranger's file says, the others must be closed too.
  if (useless) { for (const number of numbers) unistd().close(number); }
  const fds = useless
    ? []
    : numbers.map((number) => new Fd(INTERNAL, number, label));
  return { count, cut, fds, fdsLost, credentials };
}

function parse(
  used: number,
): { numbers: number[]; credentials: Credentials | undefined } {
  const view = controlView;
  const numbers: number[] = [];
  let credentials: Credentials | undefined;
  for (let at = 0; at + CMSG <= used;) {
    const length = Math.min(
      Number(view.getBigUint64(at + LEN, true)),
      used - at,
    );
    if (length < CMSG) break;
    const type = view.getInt32(at + TYPE, true);
    const ours = view.getInt32(at + LEVEL, true) === SOL_SOCKET;
    if (ours && type === SCM_RIGHTS) {
      for (let i = CMSG; i + 4 <= length; i += 4) {
        numbers.push(view.getInt32(at + i, true));
      }
    } else if (
      ours && type === SCM_CREDENTIALS && length >= CMSG + ucred.size
    ) {
      credentials = ucred.read(control, at + CMSG);
    } else if (ours && type === SCM_PIDFD && length >= CMSG + 4) {
      // Only where somebody else has set SO_PASSPIDFD: nobody will close it.
      unistd().close(view.getInt32(at + CMSG, true));
    }
    at += align(length);
  }
  return { numbers, credentials };
}
