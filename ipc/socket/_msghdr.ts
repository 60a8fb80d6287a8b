/**
 * `sendmsg` and `recvmsg`: messages that carry descriptors and credentials.
 *
 * @module
 */

import { errnoOf } from "../../ffi/errno.ts";
import { memoryAddress } from "../../ffi/iovec.ts";
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

/** `SCM_MAX_FD`: the maximum number of descriptors in one message. */
export const MAX_FDS = 253;

/** The credentials of a peer: `struct ucred`. */
export interface Credentials {
  /** Process id; 0 outside our PID namespace. */
  pid: number;
  /** Effective user id. */
  uid: number;
  /** Effective group id. */
  gid: number;
}

/** The result of {@linkcode receiveWithFds}. */
export interface Received {
  /** Bytes received. */
  count: number;
  /**
   * Whether the data did not fit and was truncated; all descriptors are closed
   * then.
   */
  cut: boolean;
  /** The descriptors, close-on-exec. */
  fds: Fd[];
  /** Whether descriptors were lost; the received ones are closed then. */
  fdsLost: boolean;
  /** The credentials of the sender, with the option `passCredentials`. */
  credentials: Credentials | undefined;
}

const align = (length: number) => (length + 7) & ~7;

/** The structs that the kernel accesses by pointer, and their offsets. */
class Frame {
  /** The size of a `struct cmsghdr`, after which its data begins. */
  readonly head = cmsghdr.size;
  readonly offsets = cmsghdr.offsets;
  /**
   * Space for the maximum number of descriptors, credentials, and other control
   * messages that a socket set up elsewhere may deliver (time stamps, security
   * labels).
   */
  readonly room = align(this.head + 4 * MAX_FDS) +
    align(this.head + ucred.size) + 1024;
  // Separate buffers, which V8 neither moves nor collects.
  readonly control = new Uint8Array(new ArrayBuffer(this.room));
  readonly controlView = new DataView(this.control.buffer);
  readonly message = new Uint8Array(new ArrayBuffer(msghdr.size));
  readonly messageView = msghdr.view(this.message);
  readonly #iov = new Uint8Array(new ArrayBuffer(iovec.size));
  readonly #iovView = iovec.view(this.#iov);

  /**
   * Fills the `struct msghdr` for `size` bytes of data and `length` control
   * bytes.
   */
  prepare(data: Uint8Array<ArrayBuffer>, size: number, length: number): void {
    this.#iovView.iov_base = size === 0 ? 0n : memoryAddress(data);
    this.#iovView.iov_len = BigInt(size);
    this.messageView.msg_iov = memoryAddress(this.#iov);
    this.messageView.msg_iovlen = 1n;
    this.messageView.msg_control = memoryAddress(this.control);
    this.messageView.msg_controllen = BigInt(length);
  }
}

// The calls do not wait, so one frame serves the whole isolate.
let made: Frame | undefined;
const frame = (): Frame => made ??= new Frame();

/** Keeps the data of the current call alive. */
const held: Uint8Array[] = [];

/** `sendmsg(SCM_RIGHTS)` without waiting: the bytes sent, or -1 and errno. */
export function sendWithFds(
  fd: number,
  data: Uint8Array<ArrayBuffer>,
  fds: readonly number[],
): number {
  const { head, control, controlView, message } = frame();
  const length = head + 4 * fds.length;
  cmsghdr.write(control, {
    cmsg_len: BigInt(length),
    cmsg_level: SOL_SOCKET,
    cmsg_type: SCM_RIGHTS,
  });
  fds.forEach((fd, i) => controlView.setInt32(head + 4 * i, fd, true));
  held[0] = data;
  frame().prepare(data, data.length, align(length));
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const count = sys_socket().sendmsg(fd, message, flags);
  held.length = 0;
  return count;
}

/**
 * `recvmsg` without waiting: up to `size` bytes and all descriptors that come
 * with them, or the errno.
 */
export function receiveWithFds(
  fd: number,
  data: Uint8Array<ArrayBuffer>,
  size: number,
): Received | number {
  const { message, messageView, room } = frame();
  held[0] = data;
  frame().prepare(data, size, room);
  const count = sys_socket().recvmsg(
    fd,
    message,
    MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
  );
  const error = errnoOf(count, errno[0]);
  held.length = 0;
  if (error !== 0) return error;
  const { msg_flags: flags, msg_controllen } = messageView;
  const used = Number(msg_controllen);
  const { numbers, credentials } = parse(Math.min(used, room));
  const fdsLost = (flags & MSG_CTRUNC) !== 0;
  const cut = (flags & MSG_TRUNC) !== 0;
  const label = "descriptor from a socket";
  // An incomplete message is useless to the caller.
  const useless = fdsLost || cut;
  // Ignore errors of closing a stranger's file: the others must be closed too.
  if (useless) { for (const number of numbers) unistd().close(number); }
  const fds = useless
    ? []
    : numbers.map((number) => new Fd(INTERNAL, number, label));
  return { count, cut, fds, fdsLost, credentials };
}

function parse(
  used: number,
): { numbers: number[]; credentials: Credentials | undefined } {
  const { control, controlView: view, head } = frame();
  const { cmsg_len, cmsg_level, cmsg_type } = frame().offsets;
  const numbers: number[] = [];
  let credentials: Credentials | undefined;
  for (let at = 0; at + head <= used;) {
    const length = Math.min(
      Number(view.getBigUint64(at + cmsg_len, true)),
      used - at,
    );
    if (length < head) break;
    const type = view.getInt32(at + cmsg_type, true);
    const ours = view.getInt32(at + cmsg_level, true) === SOL_SOCKET;
    if (ours && type === SCM_RIGHTS) {
      for (let i = head; i + 4 <= length; i += 4) {
        numbers.push(view.getInt32(at + i, true));
      }
    } else if (
      ours && type === SCM_CREDENTIALS && length >= head + ucred.size
    ) {
      credentials = ucred.read(control, at + head);
    } else if (ours && type === SCM_PIDFD && length >= head + 4) {
      // Only other code sets SO_PASSPIDFD; without this the pidfd would leak.
      unistd().close(view.getInt32(at + head, true));
    }
    at += align(length);
  }
  return { numbers, credentials };
}
