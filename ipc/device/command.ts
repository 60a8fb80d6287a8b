/**
 * Commands to a device and its answers as text.
 *
 * They travel through the System V message queue of the device's key. A request
 * has message type 1 and is the text `<reply> <command>`: `reply` is the
 * message type of the answer, from 2 to 2147483647: the sender's process id or,
 * better, a number unique to the request. The answer is `ok <status as JSON>`
 * or `error <code> <message>`.
 *
 * @module
 */

import { IpcError } from "../../ffi/errno.ts";
import { shown } from "../core/convert/argument.ts";
import {
  DEVICE_STATES,
  type DeviceStatus,
  TRANSPORTS,
  type WaveChanges,
} from "./types.ts";
import {
  checkBits,
  checkInterval,
  checkPeriod,
  checkWaveform,
  WAVEFORMS,
} from "./waveform.ts";

/** The names of the commands; `stop` pauses. */
export type CommandName = "start" | "stop" | "config" | "status" | "exit";

/** A command to a device. */
export type DeviceCommand =
  | {
    /** The command. */
    name: "start" | "stop" | "status" | "exit";
  }
  | {
    /** The command. */
    name: "config";
    /** The settings to change. */
    changes: WaveChanges;
  };

/** The message type of requests. */
export const REQUEST = 1;

/** The highest message type of an answer. */
export const MAX_REPLY = 0x7fff_ffff;

/** Longer requests are refused unparsed. */
const MAX_LENGTH = 1024;

const PLAIN = ["start", "stop", "status", "exit"] as const;

/**
 * Parses a command: `start`, `stop`, `status`, `exit`, or `config` with
 * settings such as `waveform=TRI period=0.5 interval=0.01 bits=12`.
 *
 * @example Read and write
 * ```ts
 * import { formatCommand, parseCommand } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const command = parseCommand("config  period=0.5 waveform=tri");
 * assertEquals(formatCommand(command), "config waveform=TRI period=0.5");
 * ```
 *
 * @throws {TypeError} When it is not a command or a setting is not known.
 * @throws {RangeError} When a setting is out of its range.
 */
export function parseCommand(line: string): DeviceCommand {
  if (typeof line !== "string") {
    throw new TypeError(`command must be a string, got ${shown(line)}`);
  }
  if (line.length > MAX_LENGTH) {
    throw new RangeError(
      `command must have at most ${MAX_LENGTH} characters, got ${line.length}`,
    );
  }
  const [word = "", ...settings] = line.trim().split(/\s+/);
  const name = word.toLowerCase();
  if (name === "config") {
    return { name, changes: checkChanges(parseSettings(settings)) };
  }
  const plain = PLAIN.find((known) => known === name);
  if (plain === undefined) {
    throw new TypeError(
      `command must be one of ${PLAIN.join(", ")}, config, got ${shown(word)}`,
    );
  }
  if (settings.length > 0) {
    throw new TypeError(
      `command ${plain} takes no settings, got ${shown(settings.join(" "))}`,
    );
  }
  return { name: plain };
}

/**
 * Formats a command as {@linkcode parseCommand} reads it.
 *
 * @throws {TypeError} When it is not a command.
 * @throws {RangeError} When a setting is out of its range.
 */
export function formatCommand(command: DeviceCommand): string {
  const { name } = command;
  if (name !== "config") return parseCommand(String(name)).name;
  const { waveform, period, interval, bits } = checkChanges(command.changes);
  const settings = Object.entries({ waveform, period, interval, bits })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`);
  return [name, ...settings].join(" ");
}

/** Checks changes: at least one setting, each in its range. */
export function checkChanges(changes: WaveChanges): WaveChanges {
  if (typeof changes !== "object" || changes === null) {
    throw new TypeError(`changes must be an object, got ${shown(changes)}`);
  }
  const { waveform, period, interval, bits } = changes;
  const checked: WaveChanges = {};
  if (waveform !== undefined) checked.waveform = checkWaveform(waveform);
  if (period !== undefined) checked.period = checkPeriod(period);
  if (interval !== undefined) checked.interval = checkInterval(interval);
  if (bits !== undefined) checked.bits = checkBits(bits);
  if (Object.keys(checked).length === 0) {
    throw new TypeError(
      "config must change at least one of waveform, period, interval, bits",
    );
  }
  return checked;
}

function parseSettings(settings: string[]): WaveChanges {
  const changes: Record<string, unknown> = {};
  for (const setting of settings) {
    const [, key = "", value = ""] = /^(\w+)=(.+)$/.exec(setting) ?? [];
    if (!["waveform", "period", "interval", "bits"].includes(key)) {
      throw new TypeError(
        `setting must be waveform=, period=, interval= or bits=, got ${
          shown(setting)
        }`,
      );
    }
    if (key in changes) {
      throw new TypeError(`setting ${key} must be given once`);
    }
    changes[key] = key === "waveform" ? value : decimal(key, value);
  }
  return changes;
}

/** Stricter than Number(): `Number("")` is 0 and `Number("0x10")` is 16. */
function decimal(key: string, text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    throw new TypeError(`${key} must be a number, got ${shown(text)}`);
  }
  return Number(text);
}

/** A request from the queue. */
export interface Request {
  /** The message type of the answer. */
  reply: number;
  /** The text of the command, not parsed yet. */
  line: string;
}

/** Parses a request; undefined when it has no valid reply type. */
export function parseRequest(data: Uint8Array): Request | undefined {
  // Allow for the reply type, and for several bytes per character.
  if (data.length > 4 * MAX_LENGTH + 16) return undefined;
  // A C program may include the NUL at the end of its string.
  const text = new TextDecoder().decode(data).replace(/\0+$/, "");
  const [, reply = "", line = ""] = /^(\d{1,10})\s+(.*)$/s.exec(text) ?? [];
  const type = Number(reply);
  if (reply === "" || type <= REQUEST || type > MAX_REPLY) return undefined;
  return { reply: type, line };
}

/** Formats a request. */
export function formatRequest(reply: number, command: DeviceCommand): string {
  return `${reply} ${formatCommand(command)}`;
}

/** Formats the answer to a command that succeeded. */
export function formatStatus(status: DeviceStatus): string {
  return `ok ${JSON.stringify(status)}`;
}

/** Formats the answer to a command that was refused. */
export function formatError(error: unknown): string {
  const code = error instanceof IpcError ? error.code : "EINVAL";
  const message = error instanceof Error ? error.message : String(error);
  return `error ${code} ${message.slice(0, MAX_LENGTH)}`;
}

/** An answer. */
export type Answer =
  | { ok: true; status: DeviceStatus }
  | { ok: false; code: string; message: string };

/** Parses an answer; undefined when it is invalid. */
export function parseAnswer(data: Uint8Array): Answer | undefined {
  const text = new TextDecoder().decode(data);
  const [, code, message] = /^error (E\w{1,20}) (.*)$/s.exec(text) ?? [];
  if (code !== undefined && message !== undefined) {
    return { ok: false, code, message: printable(message) };
  }
  if (!text.startsWith("ok ")) return undefined;
  try {
    const status = statusOf(JSON.parse(text.slice(3)));
    return status && { ok: true, status };
  } catch {
    return undefined;
  }
}

const NUMBERS = [
  "key",
  "pid",
  "value",
  "time",
  "samples",
  "rate",
  "uptime",
  "history",
  "commands",
  "period",
  "interval",
  "bits",
] as const;

/** Copies only the known fields, because any process can send an answer. */
function statusOf(value: unknown): DeviceStatus | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { state, waveform, transport, clients, ...rest } = value as Record<
    string,
    unknown
  >;
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, rest[name]]));
  const valid = Object.values(numbers).every(Number.isFinite) &&
    (clients === undefined || Number.isFinite(clients)) &&
    isOneOf(TRANSPORTS, transport) && isOneOf(DEVICE_STATES, state) &&
    isOneOf(WAVEFORMS, waveform);
  return valid
    ? { ...numbers, state, waveform, transport, clients } as DeviceStatus
    : undefined;
}

function isOneOf(values: readonly string[], value: unknown): boolean {
  return typeof value === "string" && values.includes(value);
}

/**
 * Replaces control characters: another process must not control the terminal.
 */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are the point
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}
