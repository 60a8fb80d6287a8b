/**
 * `ipc device`: runs the simulated device.
 *
 * @module
 */

import {
  type DeviceAddress,
  WaveDevice,
  type WaveDeviceOptions,
  type Waveform,
} from "@libc/ipc/device";
import {
  asUsage,
  atMost,
  optionalNumber,
  parse,
  parseAddress,
  parseMode,
  parseNumber,
  parseTransport,
} from "../args.ts";
import { UsageError } from "../errors.ts";
import { hasKeyboard } from "../foreground.ts";
import { keyText, statusLine, summaryLine, summaryNotes } from "../format.ts";
import { helpText } from "../help.ts";
import { Operator } from "../operator.ts";
import type { Output } from "../output.ts";
import { endSignals } from "../signals.ts";

const GRAMMAR = {
  flags: ["json", "quiet", "exit-on-eof"],
  values: ["interval", "bits", "path", "proj", "mode", "transport"],
} as const;

/** Runs the command and returns its exit code. */
export async function deviceCommand(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const { flags, values, rest } = parse(args, GRAMMAR);
  if (flags.help) {
    output.line(helpText("device"));
    return 0;
  }
  const address = parseAddress(values);
  const options = readOptions(rest, values, address);
  using signals = endSignals();
  using device = asUsage(() => WaveDevice.create(options));
  for (const notice of device.notices) output.note(notice);
  const firstRate = 1 / device.status().interval;
  const keyboard = hasKeyboard();
  const operator = new Operator(device, {
    output,
    json: flags.json,
    quiet: flags.quiet,
    terminal: keyboard && output.terminal && !flags.json,
    endWithInput: flags["exit-on-eof"] || keyboard,
  });
  const running = device.run({ signal: signals.signal });
  if (!flags.quiet) announce(device, output, flags.json);
  // In the background of a terminal there is no input.
  if (keyboard || !Deno.stdin.isTerminal()) operator.start();
  const summary = await running;
  operator.stop();
  if (!flags.quiet) {
    if (flags.json) output.json({ event: "end", ...summary });
    else output.line(summaryLine(summary, firstRate));
  }
  for (const note of summaryNotes(summary)) output.note(note);
  return summary.reason === "removed" || operator.refused > 0 ? 1 : 0;
}

function readOptions(
  rest: readonly string[],
  values: Partial<Record<typeof GRAMMAR.values[number], string>>,
  address: DeviceAddress,
): WaveDeviceOptions {
  const [waveform, period] = rest;
  if (waveform === undefined || period === undefined) {
    throw new UsageError(
      `${
        waveform === undefined ? "<SIN|TRI|QUA> <PERIOD> are" : "<PERIOD> is"
      } missing`,
    );
  }
  atMost(rest, 2);
  const { mode, transport } = values;
  return {
    ...address,
    // The library checks the name.
    waveform: waveform as Waveform,
    period: parseNumber(period, "<PERIOD>", { above: 0 }),
    interval: optionalNumber(values.interval, "--interval", {
      min: 1e-6,
      max: 3600,
    }),
    bits: optionalNumber(values.bits, "--bits", {
      min: 2,
      max: 31,
      whole: true,
    }),
    mode: mode === undefined ? undefined : parseMode(mode),
    transport: transport === undefined ? undefined : parseTransport(transport),
  };
}

function announce(device: WaveDevice, output: Output, json: boolean): void {
  const status = device.status();
  if (json) return output.json({ event: "ready", ...status });
  output.line(
    `${statusLine(status, output.paint)}; key ${
      keyText(status.key)
    }, process ${status.pid}`,
  );
}
