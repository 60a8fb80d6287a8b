/**
 * `ipc ctl`: sends commands to a running device.
 *
 * @module
 */

import {
  type DeviceAddress,
  type DeviceStatus,
  inspect,
  parseCommand,
  WaveControl,
} from "@libc/ipc/device";
import { asUsage, optionalNumber, parse, parseAddress } from "../args.ts";
import { BrokenPipe, Interrupted, UsageError } from "../errors.ts";
import { statusLine, statusLines } from "../format.ts";
import { helpText } from "../help.ts";
import type { Output } from "../output.ts";
import { endSignals } from "../signals.ts";

const GRAMMAR = {
  flags: ["json", "quiet"],
  values: ["timeout", "path", "proj"],
} as const;

const MILLISECONDS = 1000;
const LOOK_MS = 10;

/** Runs the command and returns its exit code. */
export async function ctlCommand(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const { flags, values, rest } = parse(args, GRAMMAR);
  if (flags.help) {
    output.line(helpText("ctl"));
    return 0;
  }
  if (rest.length === 0) {
    throw new UsageError(
      "a command is missing: start, stop, config, status or exit",
    );
  }
  const command = asUsage(() => parseCommand(rest.join(" ")));
  const address = parseAddress(values);
  const timeout = (optionalNumber(values.timeout, "--timeout", { above: 0 }) ??
    5) * MILLISECONDS;
  using signals = endSignals();
  const { signal } = signals;
  try {
    using control = WaveControl.open(address);
    const status = await control.send(command, { timeout, signal });
    if (command.name === "exit") await gone(address, status, signal);
    if (flags.json) output.json(status);
    else if (!flags.quiet) {
      const lines = command.name === "status"
        ? statusLines(status, output.paint)
        : command.name === "exit"
        ? ["the device is off"]
        : [statusLine(status, output.paint)];
      lines.forEach((line) => output.line(line));
    }
    return 0;
  } catch (error) {
    if (error instanceof Interrupted || error instanceof BrokenPipe) return 1;
    throw error;
  }
}

/**
 * Waits until the device has removed its objects, so that another can start.
 */
async function gone(
  address: DeviceAddress,
  { pid }: DeviceStatus,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const { status, device } = inspect(address);
    if (status !== "alive" || device?.pid !== pid) return;
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
