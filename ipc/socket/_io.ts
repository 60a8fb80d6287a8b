/**
 * Single attempts of socket calls, without waiting: `undefined` or `false` when
 * the call would have to wait.
 *
 * @module
 */

import { ERRNO, errnoOf, type IpcError, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { POLLRDHUP } from "../../ffi/libc/poll.ts";
import { FIONREAD, sys_ioctl } from "../../ffi/libc/sys_ioctl.ts";
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  SOCK_CLOEXEC,
  sockaddr_storage,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import { integer } from "../core/convert/argument.ts";
import { checkLength } from "../core/convert/bytes.ts";
import type { Fd } from "../core/handle/fd.ts";
import { setNonBlocking } from "../core/handle/fd_flags.ts";
import { pollNow } from "../core/wait/poll.ts";
import {
  addressText,
  decodeAddress,
  encodeAddress,
  type SocketAddress,
} from "./_address.ts";
import { type Credentials, receiveWithFds, sendWithFds } from "./_msghdr.ts";

/** The properties of a socket that the calls need. */
export interface Endpoint {
  /** Its descriptor. */
  readonly handle: Fd;
  /** Its name in messages. */
  readonly label: string;
  /** Its type. */
  readonly type: "stream" | "datagram" | "seqpacket";
}

/** A datagram and its sender. */
export interface Datagram {
  /** Its bytes. */
  data: Uint8Array<ArrayBuffer>;
  /** The address of the sender; null for an unbound Unix socket. */
  address: SocketAddress | null;
}

/** Data, and the descriptors that came with it. */
export interface FdMessage {
  /** Its bytes. */
  data: Uint8Array<ArrayBuffer>;
  /** The descriptors, close-on-exec and yours to close. */
  fds: Fd[];
  /**
   * Whether descriptors were lost because this process cannot open more
   * (`MSG_CTRUNC`). All others are closed then.
   */
  fdsLost: boolean;
  /**
   * The credentials of the sender, when the option `passCredentials` is set.
   */
  credentials: Credentials | undefined;
}

/** Options of receiving. */
export interface ReceiveSizeOptions {
  /**
   * The maximum number of bytes. A longer message is lost and fails with
   * `EMSGSIZE`.
   *
   * @default {number} 65,536 for a stream, 262,144 for a message
   */
  maxSize?: number | undefined;
}

const STREAM_SIZE = 65536;
const MESSAGE_SIZE = 262144;
const SEND = MSG_DONTWAIT | MSG_NOSIGNAL;

let scratch = new Uint8Array(0);

/** The maximum number of bytes to receive. */
export function sizeOf(
  type: Endpoint["type"],
  { maxSize }: ReceiveSizeOptions,
): number {
  const usual = type === "stream" ? STREAM_SIZE : MESSAGE_SIZE;
  return integer(maxSize ?? usual, "maxSize", 1, 0x7fff_ffff);
}

/**
 * A buffer to receive into. The caller copies the data out before any other
 * call reuses it.
 */
export function bufferFor(size: number): Uint8Array<ArrayBuffer> {
  if (scratch.length >= size) return scratch;
  const buffer = new Uint8Array(size);
  if (size <= MESSAGE_SIZE) scratch = buffer;
  return buffer;
}

/** `accept4`: the descriptor of the next connection. */
export function acceptOnce(socket: Endpoint): number | undefined {
  const { accept4 } = sys_socket();
  for (;;) {
    const listener = socket.handle.use("accept on");
    const fd = accept4(listener, null, null, SOCK_CLOEXEC);
    const error = errnoOf(fd, errno[0]);
    switch (error) {
      case 0:
        return fd;
      case ERRNO.EAGAIN:
        // A listener that was shut down fails with EAGAIN for ever, and is
        // always ready.
        if (hasEnded(listener)) throw shutDownError(socket);
        return undefined;
      // The connection was gone before it was accepted: there may be another.
      case ERRNO.ECONNABORTED:
      case ERRNO.EPROTO:
      case ERRNO.EINTR:
        continue;
      default:
        throw ipcError(error, "accept4", "accept on", socket.label);
    }
  }
}

/**
 * `connect`: returns an attempt to repeat until it returns true. It may block
 * if `mayBlock` is set, and returns undefined when it was interrupted.
 */
export function connecting(
  socket: Endpoint,
  target: SocketAddress,
): (mayBlock?: boolean) => true | undefined {
  const bytes = encodeAddress(target);
  let begun = false;
  return (mayBlock = false) => {
    const fd = socket.handle.use("connect");
    setNonBlocking(fd, socket.label, !mayBlock);
    const error = errnoOf(
      sys_socket().connect(fd, bytes, bytes.length),
      errno[0],
    );
    // A child that inherits it expects it to block; our own calls never do.
    setNonBlocking(fd, socket.label, false);
    const isDone = error === 0 || (begun && error === ERRNO.EISCONN);
    begun = error === ERRNO.EINPROGRESS || error === ERRNO.EALREADY;
    // EAGAIN is a full backlog.
    if (begun || error === ERRNO.EAGAIN || error === ERRNO.EINTR) {
      return undefined;
    }
    if (isDone) return true;
    throw ipcError(
      error,
      "connect",
      "connect",
      `${socket.label} to ${addressText(target)}`,
      error === ERRNO.ECONNREFUSED ? "nobody listens there" : undefined,
    );
  };
}

/** `send`: returns an attempt to send a message. */
export function sending(
  socket: Endpoint,
  payload: Uint8Array,
): () => true | undefined {
  const { send } = sys_socket();
  const data = payload as Uint8Array<ArrayBuffer>;
  const { length } = data;
  return () => {
    for (;;) {
      const fd = socket.handle.use("send to");
      checkLength(data, length, "send to", socket.label);
      const error = errnoOf(send(fd, data, length, SEND), errno[0]);
      if (error === 0) return true;
      if (error === ERRNO.EAGAIN) return undefined;
      if (error !== ERRNO.EINTR) throw sendError(error, "send", socket.label);
    }
  };
}

/**
 * `sendto`: returns an attempt to send a datagram to an address; `object` names
 * both in errors. It may block if `mayBlock` is set, and returns false when it
 * was interrupted.
 */
export function sendingTo(
  socket: Endpoint,
  payload: Uint8Array,
  target: Uint8Array<ArrayBuffer>,
  object: string,
): (mayBlock?: boolean) => boolean {
  const { sendto } = sys_socket();
  const data = payload as Uint8Array<ArrayBuffer>;
  const { length } = data;
  return (mayBlock = false) => {
    const flags = mayBlock ? MSG_NOSIGNAL : SEND;
    for (;;) {
      const fd = socket.handle.use("send from");
      checkLength(data, length, "send from", object);
      const error = errnoOf(
        sendto(fd, data, length, flags, target, target.length),
        errno[0],
      );
      if (error === 0) return true;
      if (error === ERRNO.EAGAIN) return false;
      if (error !== ERRNO.EINTR) throw sendError(error, "sendto", object);
      if (mayBlock) return false;
    }
  };
}

/**
 * `sendmsg(SCM_RIGHTS)`: returns an attempt to repeat until it returns true. On
 * a stream, the descriptors go with the first byte, and the rest of the data
 * may need more attempts.
 *
 * @param sent Called with the number of bytes that each call sent.
 */
export function sendingFds(
  socket: Endpoint,
  handles: readonly Fd[],
  payload: Uint8Array,
  sent: (count: number) => void,
): () => true | undefined {
  const data = payload as Uint8Array<ArrayBuffer>;
  const { length } = data;
  let offset = 0;
  return () => {
    while (offset < length) {
      const fd = socket.handle.use("send to");
      checkLength(data, length, "send to", socket.label);
      const count = offset === 0
        ? sendWithFds(fd, data, handles.map((handle) => handle.use("send")))
        : sys_socket().send(fd, data.subarray(offset), length - offset, SEND);
      const error = errnoOf(count, errno[0]);
      if (error === ERRNO.EAGAIN) return undefined;
      if (error === ERRNO.EINTR) continue;
      if (error !== 0) throw sendError(error, "sendmsg", socket.label);
      offset += count;
      sent(count);
    }
    return true;
  };
}

/** `recv`: the next message; null at the end. */
export function receiveOnce(
  socket: Endpoint,
  size: number,
): Uint8Array<ArrayBuffer> | null | undefined {
  const buffer = bufferFor(size);
  const { recv } = sys_socket();
  for (;;) {
    const fd = socket.handle.use("receive from");
    const count = recv(fd, buffer, size, MSG_DONTWAIT | MSG_TRUNC);
    const error = errnoOf(count, errno[0]);
    if (error === 0) {
      if (count > size) throw tooLong(size, "recv", socket);
      if (count === 0 && socket.type === "seqpacket" && isAtEnd(fd)) {
        return null;
      }
      return buffer.slice(0, count);
    }
    if (error === ERRNO.EAGAIN) {
      return isShutDown(socket, fd) ? null : undefined;
    }
    if (error !== ERRNO.EINTR) throw receiveError(error, "recv", socket);
  }
}

/** `recvfrom`: the next datagram and its sender. */
export function receiveFromOnce(
  socket: Endpoint,
  size: number,
): Datagram | undefined {
  const buffer = bufferFor(size);
  const address = new Uint8Array(sockaddr_storage.size);
  const length = new Uint32Array(1);
  const { recvfrom } = sys_socket();
  for (;;) {
    const fd = socket.handle.use("receive from");
    length[0] = sockaddr_storage.size;
    const flags = MSG_DONTWAIT | MSG_TRUNC;
    const count = recvfrom(fd, buffer, size, flags, address, length);
    const error = errnoOf(count, errno[0]);
    if (error === 0) {
      if (count > size) throw tooLong(size, "recvfrom", socket);
      const data = buffer.slice(0, count);
      return { data, address: decodeAddress(address, length[0]) };
    }
    if (error === ERRNO.EAGAIN) {
      if (!isShutDown(socket, fd)) return undefined;
      throw new TypeError(
        `Cannot receive from ${socket.label}: it is shut down for reading`,
      );
    }
    if (error !== ERRNO.EINTR) throw receiveError(error, "recvfrom", socket);
  }
}

/** `recvmsg`: data and descriptors; null at the end. */
export function receiveFdsOnce(
  socket: Endpoint,
  size: number,
): FdMessage | null | undefined {
  const buffer = bufferFor(size);
  for (;;) {
    const fd = socket.handle.use("receive from");
    const found = receiveWithFds(fd, buffer, size);
    if (typeof found !== "number") {
      const { count, cut, fds, fdsLost, credentials } = found;
      if (cut) throw tooLong(size, "recvmsg", socket);
      if (count === 0 && fds.length === 0 && !fdsLost) {
        if (socket.type === "stream") return null;
        if (socket.type === "seqpacket" && isAtEnd(fd)) return null;
      }
      return { data: buffer.slice(0, count), fds, fdsLost, credentials };
    }
    if (found === ERRNO.EAGAIN) {
      return isShutDown(socket, fd) ? null : undefined;
    }
    if (found !== ERRNO.EINTR) throw receiveError(found, "recvmsg", socket);
  }
}

/** Whether no more data will arrive than is already queued. */
function hasEnded(fd: number): boolean {
  return (pollNow(fd, POLLRDHUP) & POLLRDHUP) !== 0;
}

/**
 * Whether a datagram socket is empty and was shut down for reading: it then
 * fails with `EAGAIN` for ever, and is always ready.
 */
function isShutDown(socket: Endpoint, fd: number): boolean {
  if (socket.type !== "datagram" || !hasEnded(fd)) return false;
  // Messages that arrived before the shutdown can still be received.
  const { recv } = sys_socket();
  const flags = MSG_DONTWAIT | MSG_PEEK;
  const error = errnoOf(recv(fd, bufferFor(1), 1, flags), errno[0]);
  return error === ERRNO.EAGAIN;
}

/** Whether an empty packet was the end: only if no data follows it. */
function isAtEnd(fd: number): boolean {
  if (!hasEnded(fd)) return false;
  // FIONREAD counts all queued bytes; peeking would see only the next packet.
  const left = new Int32Array(1);
  const error = errnoOf(
    sys_ioctl().ioctl(fd, BigInt(FIONREAD), left),
    errno[0],
  );
  return error !== 0 || left[0] === 0;
}

function shutDownError({ label }: Endpoint): IpcError {
  const hint = "it is shut down";
  return ipcError(ERRNO.EINVAL, "accept4", "accept on", label, hint);
}

function sendError(
  error: number,
  syscall: string,
  object: string,
): IpcError {
  const hint = error === ERRNO.EPIPE
    ? "nobody can receive any more"
    : error === ERRNO.ECONNREFUSED
    ? "nobody receives there"
    : undefined;
  const action = syscall === "sendto" ? "send from" : "send to";
  return ipcError(error, syscall, action, object, hint);
}

function receiveError(
  error: number,
  syscall: string,
  { label }: Endpoint,
): IpcError {
  return ipcError(error, syscall, "receive from", label);
}

function tooLong(size: number, syscall: string, socket: Endpoint): IpcError {
  return ipcError(
    ERRNO.EMSGSIZE,
    syscall,
    "receive from",
    socket.label,
    `the message was longer than ${size} bytes, and is lost`,
  );
}
