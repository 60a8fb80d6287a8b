/**
 * Addresses of devices, and their names in messages.
 *
 * @module
 */

import { pathString } from "../../ffi/cstring.ts";
import { ERRNO, IpcError } from "../../ffi/errno.ts";
import { shown } from "../core/convert/argument.ts";
import { type Key, keyText } from "../core/convert/key.ts";
import { ftok } from "../sysv/key.ts";
import { type DeviceAddress, type Transport, TRANSPORTS } from "./types.ts";

/** A resolved address. */
export interface Place {
  /** The key of all System V objects. */
  key: Key;
  /** The name of the device in messages. */
  label: string;
}

/** Resolves an address to a key. */
export function placeOf(address: DeviceAddress): Place {
  const { path = ".", projectId = "x" } = address;
  const key = ftok(path, projectId);
  const folder = JSON.stringify(pathString(path, "path"));
  return { key, label: `the device of ${folder} (key ${keyText(key)})` };
}

/** The name of the POSIX shared memory of a key. */
export function memoryName(key: Key): string {
  return `/libc-ipc-device-${(key >>> 0).toString(16).padStart(8, "0")}`;
}

/** Checks the name of a transport. */
export function checkTransport(transport: Transport): Transport {
  if (!TRANSPORTS.includes(transport)) {
    throw new TypeError(
      `transport must be one of ${TRANSPORTS.join(", ")}, got ${
        shown(transport)
      }`,
    );
  }
  return transport;
}

/** An error that no single call reported. */
export function deviceError(
  code: keyof typeof ERRNO,
  syscall: string,
  message: string,
): IpcError {
  return new IpcError(`${message} (${code})`, { errno: ERRNO[code], syscall });
}
