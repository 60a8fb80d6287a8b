/**
 * Commands to a device, as text.
 *
 * @module
 */

import type { WaveChanges } from "./types.ts";

/** The names of the commands; `stop` pauses. */
export type CommandName = "start" | "stop" | "config" | "status" | "exit";

/** A command to a device. */
export type DeviceCommand =
  | { name: "start" | "stop" | "status" | "exit" }
  | { name: "config"; changes: WaveChanges };

/**
 * Reads a command: `start`, `stop`, `status`, `exit`, or `config` with settings
 * such as `waveform=TRI period=0.5 interval=0.01 bits=12`.
 *
 * @throws {TypeError} When it is no command or a setting is not known.
 * @throws {RangeError} When a setting is out of its range.
 */
export function parseCommand(line: string): DeviceCommand {
  void line;
  throw new TypeError("not yet");
}

/** Writes a command as {@linkcode parseCommand} reads it. */
export function formatCommand(command: DeviceCommand): string {
  void command;
  throw new TypeError("not yet");
}
