/**
 * Options of sockets, by name.
 *
 * @module
 */

import { check0 } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
} from "../../ffi/libc/netinet_in.ts";
import { TCP_NODELAY } from "../../ffi/libc/netinet_tcp.ts";
import {
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PASSCRED,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SOL_SOCKET,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import { integer, shown } from "../core/convert/argument.ts";

/**
 * An option of a socket.
 *
 * - `reuseAddress`, `reusePort`, `keepAlive`, `broadcast`: as their `SO_…`
 * - `passCredentials`: received messages carry the credentials of the sender
 *   (`SO_PASSCRED`)
 * - `sendBuffer`, `receiveBuffer`: bytes; the kernel doubles what is set, up to
 *   `/proc/sys/net/core/wmem_max` and `rmem_max`
 * - `linger`: seconds that closing an Internet stream blocks this thread at
 *   most until the sent data has arrived; 0 discards the data; null, the
 *   default, lets the kernel send it in the background (`SO_LINGER`)
 * - `noDelay`: `TCP_NODELAY`; `ipv6Only`: `IPV6_V6ONLY`
 * - `acceptingConnections`, `error`: read-only; reading `error` clears it
 */
export type SocketOption =
  | "reuseAddress"
  | "reusePort"
  | "keepAlive"
  | "broadcast"
  | "passCredentials"
  | "sendBuffer"
  | "receiveBuffer"
  | "linger"
  | "noDelay"
  | "ipv6Only"
  | "acceptingConnections"
  | "error";

/** The type of an option's value. */
export type SocketOptionValue<O extends SocketOption> = O extends "linger"
  ? number | null
  : O extends "sendBuffer" | "receiveBuffer" | "error" ? number
  : boolean;

interface Definition {
  level: number;
  name: number;
  /** The type of the value, if it is not a boolean. */
  kind?: "number" | "linger";
  readOnly?: true;
}

const OPTIONS: Record<SocketOption, Definition> = {
  reuseAddress: { level: SOL_SOCKET, name: SO_REUSEADDR },
  reusePort: { level: SOL_SOCKET, name: SO_REUSEPORT },
  keepAlive: { level: SOL_SOCKET, name: SO_KEEPALIVE },
  broadcast: { level: SOL_SOCKET, name: SO_BROADCAST },
  passCredentials: { level: SOL_SOCKET, name: SO_PASSCRED },
  sendBuffer: { level: SOL_SOCKET, name: SO_SNDBUF, kind: "number" },
  receiveBuffer: { level: SOL_SOCKET, name: SO_RCVBUF, kind: "number" },
  linger: { level: SOL_SOCKET, name: SO_LINGER, kind: "linger" },
  noDelay: { level: IPPROTO_TCP, name: TCP_NODELAY },
  ipv6Only: { level: IPPROTO_IPV6, name: IPV6_V6ONLY },
  acceptingConnections: {
    level: SOL_SOCKET,
    name: SO_ACCEPTCONN,
    readOnly: true,
  },
  error: { level: SOL_SOCKET, name: SO_ERROR, kind: "number", readOnly: true },
};

function definitionOf(option: SocketOption): Definition {
  if (!Object.hasOwn(OPTIONS, option)) {
    throw new TypeError(
      `option must be one of ${Object.keys(OPTIONS).join(", ")}, got ${
        shown(option)
      }`,
    );
  }
  return OPTIONS[option];
}

/** `getsockopt` of an option that has a name. */
export function readOption(
  fd: number,
  option: SocketOption,
  label: string,
): number | boolean | null {
  const definition = definitionOf(option);
  const action = `read ${option} of`;
  const { kind } = definition;
  // `struct linger` has two ints: on or off, and the seconds.
  const size = kind === "linger" ? 2 : 1;
  const [value = 0, seconds = 0] = readInts(
    fd,
    definition,
    size,
    action,
    label,
  );
  if (kind === "linger") return value === 0 ? null : seconds;
  return kind === "number" ? value : value !== 0;
}

/** `getsockopt(SOL_SOCKET)` of an option that has no name here. */
export function readNumber(fd: number, name: number, label: string): number {
  const definition = { level: SOL_SOCKET, name };
  const [value = 0] = readInts(fd, definition, 1, "use", label);
  return value;
}

function readInts(
  fd: number,
  { level, name }: Definition,
  count: number,
  action: string,
  label: string,
): Int32Array {
  const value = new Int32Array(count);
  const length = new Uint32Array([value.byteLength]);
  check0(
    sys_socket().getsockopt(fd, level, name, value, length),
    errno[0],
    "getsockopt",
    action,
    label,
  );
  return value;
}

/** `setsockopt` of an option that has a name. */
export function writeOption(
  fd: number,
  option: SocketOption,
  value: number | boolean | null,
  label: string,
): void {
  const definition = definitionOf(option);
  const { level, name, readOnly } = definition;
  if (readOnly) throw new TypeError(`${option} can only be read`);
  const encoded = encode(option, definition, value);
  const action = `set ${option} of`;
  check0(
    sys_socket().setsockopt(fd, level, name, encoded, encoded.byteLength),
    errno[0],
    "setsockopt",
    action,
    label,
  );
}

function encode(
  option: SocketOption,
  { kind }: Definition,
  value: number | boolean | null,
): Int32Array<ArrayBuffer> {
  if (kind === "linger" && value === null) return Int32Array.of(0, 0);
  if (kind !== undefined) {
    const number = integer(value as number, option, 0, 0x7fff_ffff);
    return kind === "linger" ? Int32Array.of(1, number) : Int32Array.of(number);
  }
  if (typeof value !== "boolean") {
    throw new TypeError(`${option} must be a boolean, got ${shown(value)}`);
  }
  return Int32Array.of(Number(value));
}
