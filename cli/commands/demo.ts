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
import { BrokenPipe, Failure, Interrupted, messageOf } from "../errors.ts";
import { keyText, plural } from "../format.ts";
import { helpText } from "../help.ts";
import { livePlot, type LiveResult } from "../live.ts";
import type { Output } from "../output.ts";
import { endSignals } from "../signals.ts";

const GRAMMAR = { flags: ["ascii"], values: ["seconds"] } as const;

const PERIOD = 2;
const INTERVAL = 0.01;
const SECONDS = 10;
// Project ids are one byte, without 0; 0x78 is "x", the default.
const PROJECTS = 255;
const USUAL_PROJECT = 0x78;
const MILLISECONDS = 1000;
// The first run may have to compile.
const START_MS = 60_000;
// The program of the demo: the fraction of the time, and the command.
const PROGRAM = [
  { at: 0.4, command: "config waveform=TRI" },
  { at: 0.7, command: "config waveform=QUA period=1" },
] as const;

/** The device of the demo, wherever it runs. */
interface Running {
  /** Where it runs, for the title. */
  where: string;
  /** Resolves when it has ended, with its last messages. */
  done: Promise<{ failed: boolean; text: string }>;
  /** Ends it. */
  stop(): void;
}

/** Runs the command and returns its exit code. */
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
  let code = 1;
  try {
    const { ascii } = flags;
    const options = { address, seconds, signal, output, ascii };
    const { samples, lost } = await show(device, options);
    output.line(
      `${device.where}: ${
        plural(samples, "sample")
      } through shared memory, ${lost} lost.`,
    );
    code = 0;
  } catch (error) {
    // Interrupted before the plot began, or the reader is gone.
    if (!(error instanceof Interrupted || error instanceof BrokenPipe)) {
      throw error;
    }
    code = 0;
  } finally {
    device.stop();
    const { failed, text } = await device.done;
    // A thrown error is reported by the caller.
    if (code === 0 && text !== "") output.note(text);
    if (!nothingLeft(address, output) || failed) code = 1;
  }
  return code;
}

/** Options of {@linkcode show}. */
interface ShowOptions {
  address: DeviceAddress;
  seconds: number;
  signal: AbortSignal;
  output: Output;
  ascii: boolean;
}

async function show(
  device: Running,
  options: ShowOptions,
): Promise<LiveResult> {
  const { address, seconds, output, ascii } = options;
  const failed = new AbortController();
  const fail = (error: unknown) => failed.abort(error);
  const signal = AbortSignal.any([options.signal, failed.signal]);
  let ending = false;
  device.done.then((end) => {
    if (ending) return;
    // Without a failure it was interrupted by Ctrl-C, as we are.
    fail(
      end.failed
        ? new Failure(`the device ended early: ${end.text}`)
        : new Interrupted("device"),
    );
  });
  using client = await WaveClient.wait({
    ...address,
    signal,
    timeout: START_MS,
  });
  using control = WaveControl.open(address);
  const end = performance.now() + seconds * MILLISECONDS;
  const timers = PROGRAM.map(({ at, command }) =>
    setTimeout(() => {
      control.send(command, { signal }).catch(fail);
    }, at * seconds * MILLISECONDS)
  );
  timers.push(setTimeout(() => {
    ending = true;
    control.exit({ signal }).catch(fail);
  }, seconds * MILLISECONDS));
  const title = () => {
    const left = Math.max(0, end - performance.now()) / MILLISECONDS;
    return `${device.where}, key ${keyText(client.key)}, ends in ${
      left.toFixed(0)
    } s`;
  };
  try {
    const window = 2 * PERIOD;
    return await livePlot(client, { output, signal, ascii, title, window });
  } finally {
    timers.forEach(clearTimeout);
  }
}

/** Finds an unused address, so that a device of the user is safe. */
function freeAddress(): DeviceAddress {
  for (let i = 0; i < PROJECTS; i++) {
    const address = { path: ".", projectId: 1 + (Deno.pid + i) % PROJECTS };
    if (
      address.projectId !== USUAL_PROJECT &&
      inspect(address).status === "none"
    ) return address;
  }
  throw new Failure("all keys of this directory are in use");
}

function startDevice(address: DeviceAddress): Running {
  try {
    const command = Deno.execPath();
    const { state } = Deno.permissions.querySync({ name: "run", command });
    if (state === "granted") return deviceProcess(command, address);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  return deviceHere(address);
}

function deviceProcess(command: string, address: DeviceAddress): Running {
  const program = new URL("../mod.ts", import.meta.url).href;
  const child = new Deno.Command(command, {
    args: [
      ...(Deno.build.standalone ? [] : [
        "run",
        "--quiet",
        "--allow-ffi",
        program,
      ]),
      ...["device", "SIN", String(PERIOD), "--interval", String(INTERVAL)],
      ...["--path", String(address.path)],
      ...["--proj", `0x${Number(address.projectId).toString(16)}`],
      // When this process dies, the device's standard input ends, and so does
      // it.
      ...["--quiet", "--exit-on-eof"],
    ],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let stopped = false;
  return {
    where: `device: process ${child.pid}, client: process ${Deno.pid}`,
    done: Promise.all([child.status, errors]).then(([{ code }, text]) => ({
      failed: code !== 0,
      text: text.trim() || (code === 0 ? "" : `exit code ${code}`),
    })),
    stop() {
      if (stopped) return;
      stopped = true;
      child.stdin.close().catch(() => {});
    },
  };
}

function deviceHere(address: DeviceAddress): Running {
  const device = WaveDevice.create({
    ...address,
    waveform: "SIN",
    period: PERIOD,
    interval: INTERVAL,
  });
  return {
    where: `device and client: process ${Deno.pid}`,
    done: device.run().then(
      () => ({ failed: false, text: "" }),
      (error) => ({ failed: true, text: messageOf(error) }),
    ),
    stop: () => device.exit(),
  };
}

/** Reports whether all objects are gone, and removes any that are left. */
function nothingLeft(address: DeviceAddress, output: Output): boolean {
  const { status, objects } = inspect(address);
  if (status === "none") {
    output.line("The device is off, and nothing was left behind.");
    return true;
  }
  const kinds = objects.map(({ kind }) => kind).join(", ");
  output.note(`something was left behind, and is removed now: ${kinds}`);
  detach({ ...address, force: true });
  return false;
}
