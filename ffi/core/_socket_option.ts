/**
 * Options of sockets, by name.
 *
 * @module
 */

import { sys_socket } from "../libc/sys_socket.ts";
import { integer, shown } from "./_argument.ts";
import { check0 } from "./errno.ts";
import {
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_PASSCRED,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./platform.ts";

/**
 * An option of a socket.
 *
 * - `reuseAddress`, `reusePort`, `keepAlive`, `broadcast`: as their `SO_…`
 * - `passCredentials`: received messages say who sent them (`SO_PASSCRED`)
 * - `sendBuffer`, `receiveBuffer`: bytes; the kernel doubles what is set, up to
 *   `/proc/sys/net/core/wmem_max` and `rmem_max`
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
  | "noDelay"
  | "ipv6Only"
  | "acceptingConnections"
  | "error";

/** The type of an option's value. */
export type SocketOptionValue<O extends SocketOption> = O extends
  "sendBuffer" | "receiveBuffer" | "error" ? number : boolean;

interface Definition {
  level: number;
  name: number;
  number?: true;
  readOnly?: true;
}

const OPTIONS: Record<SocketOption, Definition> = {
  reuseAddress: { level: SOL_SOCKET, name: SO_REUSEADDR },
  reusePort: { level: SOL_SOCKET, name: SO_REUSEPORT },
  keepAlive: { level: SOL_SOCKET, name: SO_KEEPALIVE },
  broadcast: { level: SOL_SOCKET, name: SO_BROADCAST },
  passCredentials: { level: SOL_SOCKET, name: SO_PASSCRED },
  sendBuffer: { level: SOL_SOCKET, name: SO_SNDBUF, number: true },
  receiveBuffer: { level: SOL_SOCKET, name: SO_RCVBUF, number: true },
  noDelay: { level: IPPROTO_TCP, name: TCP_NODELAY },
  ipv6Only: { level: IPPROTO_IPV6, name: IPV6_V6ONLY },
  acceptingConnections: {
    level: SOL_SOCKET,
    name: SO_ACCEPTCONN,
    readOnly: true,
  },
  error: { level: SOL_SOCKET, name: SO_ERROR, number: true, readOnly: true },
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

/** `getsockopt` of an option that is an `int`. */
export function readOption(
  fd: number,
  option: SocketOption,
  label: string,
): number | boolean {
  const { level, name, number } = definitionOf(option);
  const action = `read ${option} of`;
  const value = readInt(fd, { level, name }, action, label);
  return number ? value : value !== 0;
}

/** `getsockopt(SOL_SOCKET)` of an option that has no name here. */
export function readNumber(fd: number, name: number, label: string): number {
  return readInt(fd, { level: SOL_SOCKET, name }, "use", label);
}

function readInt(
  fd: number,
  { level, name }: Definition,
  action: string,
  label: string,
): number {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  check0(
    sys_socket().getsockopt(fd, level, name, value, length),
    "getsockopt",
    action,
    label,
  );
  return value[0] as number;
}

/** `setsockopt` of an option that is an `int`. */
export function writeOption(
  fd: number,
  option: SocketOption,
  value: number | boolean,
  label: string,
): void {
  const { level, name, number, readOnly } = definitionOf(option);
  if (readOnly) throw new TypeError(`${option} can only be read`);
  if (!number && typeof value !== "boolean") {
    throw new TypeError(`${option} must be a boolean, got ${shown(value)}`);
  }
  const encoded = new Int32Array([
    number ? integer(value as number, option, 0, 0x7fff_ffff) : Number(value),
  ]);
  const action = `set ${option} of`;
  check0(
    sys_socket().setsockopt(fd, level, name, encoded, 4),
    "setsockopt",
    action,
    label,
  );
}
