/**
 * Socket addresses and their C forms.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { arpa_inet } from "../../ffi/libc/arpa_inet.ts";
import { sockaddr_in, sockaddr_in6 } from "../../ffi/libc/netinet_in.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../ffi/libc/sys_socket.ts";
import { sockaddr_un } from "../../ffi/libc/sys_un.ts";
import { integer, shown } from "../core/convert/argument.ts";

/** The address of a Unix socket. */
export interface UnixAddress {
  /** Always `"unix"`. */
  family: "unix";
  /**
   * The path of its file. A name that begins with NUL is abstract: it is not in
   * the file system and vanishes with its socket. At most 108 bytes in UTF-8.
   */
  path: string;
  /**
   * The path in bytes, if it is not UTF-8; takes precedence over `path`.
   *
   * @default {undefined}
   */
  bytes?: Uint8Array | undefined;
}

/** The address of an IPv4 socket. */
export interface InetAddress {
  /** Always `"inet"`. */
  family: "inet";
  /** The numeric address, such as `"127.0.0.1"`. */
  address: string;
  /** The port; 0 lets the kernel choose one. */
  port: number;
}

/** The address of an IPv6 socket. */
export interface Inet6Address {
  /** Always `"inet6"`. */
  family: "inet6";
  /** The numeric address, such as `"::1"`. */
  address: string;
  /** The port; 0 lets the kernel choose one. */
  port: number;
  /**
   * The index of the interface, for link-local addresses.
   *
   * @default {0}
   */
  scopeId?: number;
}

/** The address of a socket. */
export type SocketAddress = UnixAddress | InetAddress | Inet6Address;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const families = { unix: AF_UNIX, inet: AF_INET, inet6: AF_INET6 } as const;

/** Checks an address; a string is a Unix address. */
export function checkAddress(address: SocketAddress | string): SocketAddress {
  if (typeof address === "string") return { family: "unix", path: address };
  if (
    typeof address !== "object" || address === null ||
    !Object.hasOwn(families, address.family)
  ) {
    throw new TypeError(
      `address must be a string or have the family "unix", "inet" or "inet6", got ${
        shown(address)
      }`,
    );
  }
  return address;
}

/**
 * An address as `struct sockaddr_un`, `sockaddr_in` or `sockaddr_in6`.
 *
 * @param own Whether to bind a socket to it: it may be empty then, and needs
 * space for the NUL that other programs expect.
 */
export function encodeAddress(
  address: SocketAddress,
  own = false,
): Uint8Array<ArrayBuffer> {
  return address.family === "unix"
    ? encodeUnix(address, own)
    : encodeInternet(address);
}

function encodeUnix(
  { path, bytes }: UnixAddress,
  own: boolean,
): Uint8Array<ArrayBuffer> {
  if (typeof path !== "string") {
    throw new TypeError(`path must be a string, got ${shown(path)}`);
  }
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) {
    throw new TypeError(`bytes must be a Uint8Array, got ${shown(bytes)}`);
  }
  const maxPath = sockaddr_un.fields.sun_path.length;
  const name = bytes ?? new TextEncoder().encode(path);
  const abstract = name[0] === 0;
  const hasNul = !abstract && name.includes(0);
  if (hasNul || (name.length === 0 && !own)) {
    throw new TypeError(
      `path must not be empty, nor contain a NUL but as its first character, got ${
        JSON.stringify(path)
      }`,
    );
  }
  const max = own && !abstract ? maxPath - 1 : maxPath;
  if (name.length > max) {
    throw new RangeError(
      `path must be at most ${max} bytes, got ${name.length}: ${
        JSON.stringify(path)
      }`,
    );
  }
  // An abstract name has no NUL at its end, nor has a path that fills the whole
  // field. With an empty one the kernel chooses a name.
  const end = abstract || name.length % maxPath === 0 ? 0 : 1;
  const { sun_path } = sockaddr_un.offsets;
  const encoded = new Uint8Array(sun_path + name.length + end);
  new DataView(encoded.buffer).setUint16(0, AF_UNIX, true);
  encoded.set(name, sun_path);
  return encoded;
}

function encodeInternet(
  address: InetAddress | Inet6Address,
): Uint8Array<ArrayBuffer> {
  const { family } = address;
  const { size } = family === "inet" ? sockaddr_in : sockaddr_in6;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const { sin_port, sin_addr } = sockaddr_in.offsets;
  const { sin6_addr, sin6_scope_id } = sockaddr_in6.offsets;
  view.setUint16(0, families[family], true);
  view.setUint16(sin_port, integer(address.port, "port", 0, 0xffff));
  const number = new Uint8Array(16);
  const text = cstring(address.address, "address");
  if (arpa_inet().inet_pton(families[family], text, number) !== 1) {
    throw new TypeError(
      `address must be a numeric ${
        family === "inet" ? "IPv4" : "IPv6"
      } address, got ${JSON.stringify(address.address)}`,
    );
  }
  if (address.family === "inet") {
    bytes.set(number.subarray(0, 4), sin_addr);
  } else {
    bytes.set(number, sin6_addr);
    const scope = integer(address.scopeId ?? 0, "scopeId", 0, 0xffff_ffff);
    view.setUint32(sin6_scope_id, scope, true);
  }
  return bytes;
}

/**
 * Decodes an address of `length` bytes that a call has written; null when the
 * socket is unbound.
 */
export function decodeAddress(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
): SocketAddress | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { sun_path } = sockaddr_un.offsets;
  const { sin_port, sin_addr } = sockaddr_in.offsets;
  const { sin6_addr, sin6_scope_id } = sockaddr_in6.offsets;
  if (length < sun_path) return null;
  switch (view.getUint16(0, true)) {
    case AF_UNIX:
      return length === sun_path
        ? null
        : unixOf(bytes.subarray(sun_path, length));
    case AF_INET:
      return {
        family: "inet",
        address: textOf(AF_INET, bytes.slice(sin_addr, sin_addr + 4)),
        port: view.getUint16(sin_port),
      };
    case AF_INET6:
      return {
        family: "inet6",
        address: textOf(AF_INET6, bytes.slice(sin6_addr, sin6_addr + 16)),
        port: view.getUint16(sin_port),
        scopeId: view.getUint32(sin6_scope_id, true),
      };
    default:
      return null;
  }
}

// A path of 108 bytes has no NUL; an abstract name may have some inside.
function unixOf(name: Uint8Array): UnixAddress {
  const end = name[0] === 0 ? name.length : name.indexOf(0);
  const used = end < 0 ? name : name.subarray(0, end);
  try {
    return { family: "unix", path: decoder.decode(used) };
  } catch {
    return { family: "unix", path: lossy.decode(used), bytes: used.slice() };
  }
}

function textOf(family: number, number: Uint8Array<ArrayBuffer>): string {
  const text = new Uint8Array(46);
  arpa_inet().inet_ntop(family, number, text, text.length);
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}

/** The text of an address in messages. */
export function addressText(address: SocketAddress | null): string {
  if (address === null) return "an unknown address";
  if (address.family === "unix") return JSON.stringify(address.path);
  return address.family === "inet"
    ? `${address.address}:${address.port}`
    : `[${address.address}]:${address.port}`;
}
