/**
 * `ipc demo`: a device and a client together for ten seconds.
 *
 * @module
 */

import {
  detach,
  type DeviceAddress,
  inspect,
  WaveClient,
  WaveControl,
  WaveDevice,
} from "@libc/ipc/device";
import { atMost, optionalNumber, parse } from "../args.ts";
import { keyText, plural } from "../format.ts";
import { helpText } from "../help.ts";
import { livePlot, type LiveResult } from "../live.ts";
import { BrokenPipe, messageOf, type Output } from "../output.ts";
import { endSignals, Interrupted } from "../signals.ts";

const GRAMMAR = { flags: ["ascii"], values: ["seconds"] } as const;

const PERIOD = 2;
const INTERVAL = 0.01;
const SECONDS = 10;
const MILLISECONDS = 1000;
// A first run may still have to compile.
const START_MS = 60_000;
// What is shown when: the share of the time, and the command.
const PROGRAM = [
  { at: 0.4, command: "config waveform=TRI" },
  { at: 0.7, command: "config waveform=QUA period=1" },
] as const;

/** The device of the demo, wherever it runs. */
interface Running {
  /** Where it runs, for the title. */
  where: string;
  /** Resolves with what it had to complain about when it is over. */
  done: Promise<string>;
  /** Ends it. */
  stop(): void;
}

/** Runs the command and gives its exit code. */
export async function demoCommand(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const { flags, values, rest } = parse(args, GRAMMAR);
  if (flags.help) {
    output.line(helpText("demo"));
    return 0;
  }
  atMost(rest, 0);
  const seconds = optionalNumber(values.seconds, "--seconds", {
    min: 0.5,
    max: 3600,
  }) ?? SECONDS;
  using signals = endSignals();
  const signal = AbortSignal.any([signals.signal, output.gone]);
  const address = freeAddress();
  const device = startDevice(address);
  try {
    const shown = await show(device, { address, seconds, signal, output, ascii: flags.ascii });
    output.line(
      `${plural(shown.samples, "sample")} shown, ${shown.lost} lost.`,
    );
  } catch (error) {
    if (!(error instanceof Interrupted || error instanceof BrokenPipe)) {
      throw error;
    }
  } finally {
    device.stop();
  }
  const complaint = await device.done;
  if (complaint !== "") output.note(complaint);
  return checkNothingLeft(address, output);
}

/** How the demo is shown. */
interface ShowOptions {
  address: DeviceAddress;
  seconds: number;
  signal: AbortSignal;
  output: Output;
  ascii: boolean;
}

async function show(device: Running, options: ShowOptions): Promise<LiveResult> {
  const { address, seconds, output, ascii } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const early = device.done.then((complaint) => {
    failed.abort(new TypeError(`The device ended early: ${complaint}`));
  });
  void early;
  using client = await WaveClient.wait({ ...address, signal, timeout: START_MS });
  using control = WaveControl.open(address);
  const began = performance.now();
  const left = () =>
    Math.max(0, seconds - (performance.now() - began) / MILLISECONDS);
  const timers = PROGRAM.map(({ at, command }) =>
    setTimeout(
      () => control.send(command, { signal }).catch((error) => failed.abort(error)),
      at * seconds * MILLISECONDS,
    )
  );
  timers.push(setTimeout(() => {
    control.exit({ signal }).catch((error) => failed.abort(error));
  }, seconds * MILLISECONDS));
  try {
    return await livePlot(client, {
      output,
      signal,
      ascii,
      title: () =>
        `${device.where}, key ${keyText(client.key)}, ends in ${
          left().toFixed(0)
        } s`,
    });
  } finally {
    timers.forEach(clearTimeout);
  }
}
