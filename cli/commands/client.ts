/**
 * `ipc client`: reads a device.
 *
 * @module
 */

import { IpcError } from "@libc/ipc/errno";
import { type ClientEnd, type Reading, WaveClient } from "@libc/ipc/device";
import {
  asUsage,
  atMost,
  optionalNumber,
  parse,
  parseAddress,
  parseTransport,
  UsageError,
} from "../args.ts";
import {
  decimalsOf,
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
import { BrokenPipe } from "../output.ts";
import { endSignals, Interrupted } from "../signals.ts";

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

const SECOND = 1000;

/** What the command line asks for. */
interface Request {
  address: ReturnType<typeof parseAddress> & {
    transport?: ReturnType<typeof parseTransport>;
  };
  form: "text" | "json" | "csv" | "plot";
  follow: boolean;
  wait: boolean;
  ascii: boolean;
  interval: number | undefined;
  count: number | undefined;
  window: number | undefined;
  timeout: number | undefined;
}

/** Runs the command and gives its exit code. */
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
  try {
    using client = await attach(request, signal, output);
    if (client.foreign) noteForeign(client, output);
    const end = request.form === "plot"
      ? await plot(client, request, signal, output)
      : await print(client, request, signal, output);
    return end === undefined ? 0 : noteEnd(end, client, output);
  } catch (error) {
    if (error instanceof BrokenPipe) return 0;
    // Being told to end is how a client without a count always ends.
    if (error instanceof Interrupted) {
      return error.late && request.count === undefined ? 0 : 1;
    }
    throw error;
  }
}
