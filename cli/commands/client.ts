/**
 * `ipc client`: reads a device.
 *
 * @module
 */

import {
  type ClientEnd,
  type DeviceAddress,
  type Reading,
  type SampleStream,
  type Transport,
  WaveClient,
} from "@libc/ipc/device";
import {
  atMost,
  optionalNumber,
  parse,
  parseAddress,
  parseTransport,
} from "../args.ts";
import { BrokenPipe, Interrupted, UsageError } from "../errors.ts";
import {
  decimalsOf,
  isSilent,
  keyText,
  peerText,
  placeText,
  plural,
  READING_HEADER,
  readingCsv,
  readingCsvHeader,
  readingJson,
  readingLine,
} from "../format.ts";
import { helpText } from "../help.ts";
import { livePlot } from "../live.ts";
import type { Output } from "../output.ts";
import { endSignals } from "../signals.ts";

const GRAMMAR = {
  flags: ["follow", "plot", "ascii", "json", "csv", "wait"],
  values: [
    "interval",
    "count",
    "window",
    "timeout",
    "transport",
    "path",
    "proj",
  ],
} as const;

const MILLISECONDS = 1000;
// A client that is far too slow loses samples at every read.
const NOTE_MS = 1000;
// The interval between two checks of the heartbeat.
const LOOK_MS = 500;

/** The parsed command line. */
interface Request {
  address: DeviceAddress;
  transport: Transport | undefined;
  form: "text" | "json" | "csv" | "plot";
  follow: boolean;
  wait: boolean;
  ascii: boolean;
  interval: number | undefined;
  count: number | undefined;
  window: number | undefined;
  timeout: number | undefined;
}

/** Runs the command and returns its exit code. */
export async function clientCommand(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const request = readRequest(args);
  if (request === undefined) {
    output.line(helpText("client"));
    return 0;
  }
  using signals = endSignals();
  const signal = AbortSignal.any([signals.signal, output.gone]);
  let attached = false;
  try {
    using client = await attach(request, signal);
    attached = true;
    if (client.foreign) noteForeign(client, output);
    const end = await (request.form === "plot" ? plot : print)(
      client,
      request,
      signal,
      output,
    );
    return end === undefined ? 0 : noteEnd(end, client, output);
  } catch (error) {
    if (error instanceof BrokenPipe) return 0;
    // An interrupt is the normal end of a client without a count.
    if (error instanceof Interrupted) {
      return attached && request.count === undefined ? 0 : 1;
    }
    throw error;
  }
}

function readRequest(args: readonly string[]): Request | undefined {
  const { flags, values, rest } = parse(args, GRAMMAR);
  if (flags.help) return undefined;
  atMost(rest, 0);
  const forms = (["plot", "json", "csv"] as const).filter((form) =>
    flags[form]
  );
  if (forms.length > 1) {
    throw new UsageError(`--${forms[0]} and --${forms[1]} exclude each other`);
  }
  const form = forms[0] ?? "text";
  if (flags.follow && values.interval !== undefined) {
    throw new UsageError(
      "--follow takes every sample as it comes: leave out --interval",
    );
  }
  if (!flags.wait && values.timeout !== undefined) {
    throw new UsageError("--timeout goes with --wait");
  }
  for (const name of ["window", "ascii"] as const) {
    const given = name === "ascii" ? flags.ascii : values.window !== undefined;
    if (given && form !== "plot") {
      throw new UsageError(`--${name} goes with --plot`);
    }
  }
  const seconds = { above: 0 };
  return {
    address: parseAddress(values),
    transport: values.transport === undefined
      ? undefined
      : parseTransport(values.transport),
    form,
    follow: flags.follow,
    wait: flags.wait,
    ascii: flags.ascii,
    interval: optionalNumber(values.interval, "--interval", {
      min: 0.001,
      max: 3600,
    }),
    count: optionalNumber(values.count, "--count", { min: 0, whole: true }),
    window: optionalNumber(values.window, "--window", seconds),
    timeout: optionalNumber(values.timeout, "--timeout", seconds),
  };
}

async function attach(
  request: Request,
  signal: AbortSignal,
): Promise<WaveClient> {
  const { address, transport, wait, timeout } = request;
  const options = { ...address, transport };
  if (!wait) return WaveClient.open(options);
  return await WaveClient.wait({
    ...options,
    signal,
    ...(timeout === undefined ? {} : { timeout: timeout * MILLISECONDS }),
  });
}

async function plot(
  client: WaveClient,
  request: Request,
  signal: AbortSignal,
  output: Output,
): Promise<ClientEnd | undefined> {
  const { count, interval, window, ascii } = request;
  // The end is cut off in a narrow terminal, so the key comes first.
  const name = `key ${keyText(client.key)}: ${placeText(request.address)}`;
  const { end, samples, lost, interrupted } = await livePlot(client, {
    output,
    signal,
    title: () => name,
    count,
    interval,
    window,
    ascii,
  });
  output.note(
    interval === undefined && client.features.history
      ? `${plural(samples, "sample")}, ${lost} lost`
      : plural(samples, "reading"),
  );
  if (interrupted) throw new Interrupted("while plotting");
  return end;
}

/** Shows a reading; `lost` is undefined unless every sample is shown. */
type Show = (reading: Reading, lost?: number) => void;

async function print(
  client: WaveClient,
  request: Request,
  signal: AbortSignal,
  output: Output,
): Promise<ClientEnd | undefined> {
  const { form, follow, count, interval } = request;
  if (form === "csv") output.line(readingCsvHeader(follow));
  if (form === "text" && output.terminal) {
    output.line(output.paint(READING_HEADER, "dim"));
  }
  const show: Show = (reading, lost) => {
    if (form === "json") output.json(readingJson(reading, lost));
    else if (form === "csv") output.line(readingCsv(reading, lost));
    else {
      const decimals = decimalsOf(client.settings.interval);
      output.line(readingLine(reading, decimals, output.paint));
    }
  };
  using _watch = noteSilence(client, output);
  if (follow) {
    return await printSamples(client.follow({ signal, count }), show, output);
  }
  for await (const reading of client.readings({ signal, count, interval })) {
    show(reading);
    if (output.full) await output.flush();
  }
  return client.end;
}

/** Reports when the heartbeat of the device stops, and when it resumes. */
function noteSilence(client: WaveClient, output: Output): Disposable {
  let silent = false;
  const timer = setInterval(() => {
    if (isSilent(client) === silent) return;
    silent = !silent;
    output.note(
      silent
        ? `no sign of life of the device (${
          peerText(client.device)
        }): it is stopped or blocked`
        : "the device goes on",
    );
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function printSamples(
  stream: SampleStream,
  show: Show,
  output: Output,
): Promise<ClientEnd | undefined> {
  let lost = 0;
  let told = 0;
  let toldAt = -Infinity;
  try {
    for await (const reading of stream) {
      const missing = stream.lost - lost;
      lost = stream.lost;
      if (lost > told && performance.now() - toldAt > NOTE_MS) {
        output.note(`${plural(lost - told, "sample")} lost`);
        told = lost;
        toldAt = performance.now();
      }
      show(reading, missing);
      if (output.full) await output.flush();
    }
  } finally {
    if (lost > 0) output.note(`${plural(lost, "sample")} lost in all`);
  }
  return stream.end;
}

function noteForeign(client: WaveClient, output: Output): void {
  const { features } = client;
  const missing = [
    ...(features.history ? [] : ["--follow (it keeps no history)"]),
    ...(features.control ? [] : ['"ipc ctl" (it takes no commands)']),
    ...(features.consistent ? [] : [
      "consistent readings (a value may come with the time of its neighbour)",
    ]),
    ...(features.liveness ? [] : ["certain knowledge of its death"]),
  ];
  output.note(
    `this device of another program has only the plain C struct; what needs a device of "ipc device": ${
      missing.join(", ")
    }`,
  );
}

/** Reports why the device ended, and returns the exit code. */
function noteEnd(end: ClientEnd, client: WaveClient, output: Output): number {
  switch (end) {
    case "off":
      output.note("the device went off");
      return 0;
    case "died":
      output.note(
        `the device died (${
          peerText(client.device)
        }); "ipc detach" removes what it left`,
      );
      return 1;
    case "removed":
      output.note("the memory of the device was removed while it ran");
      return 1;
  }
}
