/**
 * Socket options by the numbers of the C headers.
 *
 * @module
 */

import { check0 } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
} from "../../ffi/libc/netinet_in.ts";
import { TCP_ZEROCOPY_RECEIVE } from "../../ffi/libc/netinet_tcp.ts";
import {
  SO_ATTACH_FILTER,
  SO_ATTACH_REUSEPORT_CBPF,
  SO_PEEK_OFF,
  SO_RCVTIMEO,
  SO_RCVTIMEO_NEW,
  SO_SNDTIMEO,
  SO_SNDTIMEO_NEW,
  SOL_SOCKET,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import { integer, shown } from "../core/convert/argument.ts";

/** A socket option by the numbers of the C headers. */
export interface RawSocketOption {
  /** The protocol: `SOL_SOCKET` is 1, `IPPROTO_IP` 0, `IPPROTO_TCP` 6. */
  level: number;
  /** The option: `SO_PRIORITY` of `SOL_SOCKET` is 12. */
  name: number;
}

/** The maximum size of a value. */
const MAX_SIZE = 1024 * 1024;
const MAX_INT = 0x7fff_ffff;
const INT = Int32Array.BYTES_PER_ELEMENT;

const ADDRESS = "its value holds an address of memory";
const TIMEOUT = "its waits take { timeout }";

/**
 * Options that must not be read. All others get a zeroed buffer, so that an
 * option that first reads an entry count or a pointer from it finds none.
 */
const NOT_READ: ReadonlyMap<string, string> = new Map([
  // SO_GET_FILTER takes the length for a number of instructions.
  [keyOf(SOL_SOCKET, SO_ATTACH_FILTER), "the kernel writes more than its size"],
  [keyOf(IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE), ADDRESS],
]);

/**
 * Options that must not be set: the kernel would follow a pointer, or the
 * option would break the waits of this module.
 */
const NOT_SET: ReadonlyMap<string, string> = new Map([
  [keyOf(SOL_SOCKET, SO_ATTACH_FILTER), ADDRESS],
  [keyOf(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF), ADDRESS],
  // IPT_SO_SET_REPLACE, IP6T_SO_SET_REPLACE
  [keyOf(IPPROTO_IP, 64), ADDRESS],
  [keyOf(IPPROTO_IPV6, 64), ADDRESS],
  // ARPT_SO_SET_REPLACE
  [keyOf(IPPROTO_IP, 96), ADDRESS],
  // EBT_SO_SET_ENTRIES, EBT_SO_SET_COUNTERS
  [keyOf(IPPROTO_IP, 128), ADDRESS],
  [keyOf(IPPROTO_IP, 129), ADDRESS],
  [keyOf(SOL_SOCKET, SO_RCVTIMEO), TIMEOUT],
  [keyOf(SOL_SOCKET, SO_SNDTIMEO), TIMEOUT],
  [keyOf(SOL_SOCKET, SO_RCVTIMEO_NEW), TIMEOUT],
  [keyOf(SOL_SOCKET, SO_SNDTIMEO_NEW), TIMEOUT],
  // Receiving peeks to tell an empty packet from the end.
  [keyOf(SOL_SOCKET, SO_PEEK_OFF), "receiving itself looks ahead"],
]);

function keyOf(level: number, name: number): string {
  return `${level} ${name}`;
}

/** The name of an option in messages. */
function textOf({ level, name }: RawSocketOption): string {
  return `option ${name} of level ${level} of`;
}

/** Checks the numbers of an option that is to be read or set. */
function checked(
  { level, name }: RawSocketOption,
  action: "read" | "set",
  label: string,
): RawSocketOption {
  integer(level, "level", 0, MAX_INT);
  integer(name, "name", 0, MAX_INT);
  const why = (action === "read" ? NOT_READ : NOT_SET).get(keyOf(level, name));
  if (why === undefined) return { level, name };
  throw new TypeError(
    `Cannot ${action} ${textOf({ level, name })} ${label}: ${why}`,
  );
}

/** `getsockopt` of an option that is an `int`. */
export function readRawInt(
  fd: number,
  option: RawSocketOption,
  label: string,
): number {
  const checkedOption = checked(option, "read", label);
  // Twice the size, to detect longer values instead of truncating them.
  const bytes = read(fd, checkedOption, 2 * INT, label);
  if (bytes.length === INT) return new Int32Array(bytes.buffer, 0, 1)[0] ?? 0;
  throw new TypeError(
    `Cannot read ${
      textOf(checkedOption)
    } ${label} as an int: give the size of its value`,
  );
}

/** `getsockopt` of an option of up to `size` bytes. */
export function readRawBytes(
  fd: number,
  option: RawSocketOption,
  size: number,
  label: string,
): Uint8Array<ArrayBuffer> {
  integer(size, "size", 1, MAX_SIZE);
  return read(fd, checked(option, "read", label), size, label).slice();
}

function read(
  fd: number,
  option: RawSocketOption,
  size: number,
  label: string,
): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(new ArrayBuffer(size));
  const length = new Uint32Array([size]);
  check0(
    sys_socket().getsockopt(fd, option.level, option.name, value, length),
    errno[0],
    "getsockopt",
    `read ${textOf(option)}`,
    label,
  );
  // Some options report the full length.
  return value.subarray(0, Math.min(length[0] ?? 0, size));
}

/** `setsockopt` of an `int` or of bytes. */
export function writeRaw(
  fd: number,
  option: RawSocketOption,
  value: number | Uint8Array,
  label: string,
): void {
  const { level, name } = checked(option, "set", label);
  const bytes = encoded(value);
  check0(
    sys_socket().setsockopt(fd, level, name, bytes, bytes.length),
    errno[0],
    "setsockopt",
    `set ${textOf({ level, name })}`,
    label,
  );
}

function encoded(value: number | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof value === "number") {
    const int = integer(value, "value", -MAX_INT - 1, MAX_INT);
    return new Uint8Array(Int32Array.of(int).buffer);
  }
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(
      `value must be a number or a Uint8Array, got ${shown(value)}`,
    );
  }
  integer(value.length, "length of value", 0, MAX_SIZE);
  // Copy: other processes could change shared memory while the kernel reads it.
  return new Uint8Array(value);
}
