/**
 * Readings, states and processes as text, CSV and JSON.
 *
 * @module
 */

import type {
  DeviceAddress,
  DeviceState,
  DeviceStatus,
  Peer,
  Reading,
  RunSummary,
  WaveSettings,
} from "@libc/ipc/device";
import { resolve } from "@std/path/resolve";
import { csvLine, type Paint, printable, type Style } from "./output.ts";

/** The colour of each state. */
export const STATE_STYLES: Readonly<Record<DeviceState, Style>> = {
  off: "red",
  on: "green",
  initializing: "yellow",
  paused: "yellow",
  closing: "red",
  config: "yellow",
};

/** A number without the noise of binary fractions. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(12)));
}

/** A frequency with a sensible number of digits. */
export function rateText(rate: number): string {
  if (rate >= 1000) return rate.toFixed(0);
  return String(Number(rate.toPrecision(4)));
}

/** `1 sample`, `2 samples`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A System V key as `ipcs` shows it. */
export function keyText(key: number): string {
  return `0x${(key >>> 0).toString(16).padStart(8, "0")}`;
}

/** The text of a device address in messages. */
export function placeText(address: DeviceAddress): string {
  const { path = ".", projectId = "x" } = address;
  const project = typeof projectId === "number"
    ? `0x${projectId.toString(16)}`
    : JSON.stringify(projectId);
  return `${printable(resolve(String(path)))}, project ${project}`;
}

/** A longer silence, in milliseconds, is not a pause between two heartbeats. */
const SILENCE = 3000;

/** Whether a device has no heartbeat, because it is stopped or blocked. */
export function isSilent(
  { silence = 0 }: { silence: number | undefined },
): boolean {
  return silence > SILENCE;
}

/** A process: `process 123 (deno)`. */
export function peerText(peer: Peer): string {
  if (peer.pid === 0) return "a process that cannot be seen from here";
  const { pid, program } = peer;
  return `process ${pid}${program ? ` (${printable(program)})` : ""}`;
}

/** The number of decimals that an interval needs, up to six. */
export function decimalsOf(interval: number | undefined): number {
  if (interval === undefined) return 3;
  for (let digits = 0; digits < 6; digits++) {
    const scaled = interval * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 6;
}

/** The line above the readings of {@linkcode readingLine}. */
export const READING_HEADER = `${"TIME s".padStart(12)} ${
  "VALUE".padStart(11)
}  ${"STATE".padEnd(12)} WAVE  PERIOD s`;

/** A reading as a line of text. */
export function readingLine(
  reading: Reading,
  decimals: number,
  paint: Paint,
): string {
  const { time, value, state, waveform, period } = reading;
  return `${time.toFixed(decimals).padStart(12)} ${
    String(value).padStart(11)
  }  ${paint(state.padEnd(12), STATE_STYLES[state])} ${waveform}   ${
    shortNumber(period)
  }`;
}

/** The first line of the CSV of readings. */
export function readingCsvHeader(follow: boolean): string {
  const columns = ["time", "value", "state", "waveform", "period", "sequence"];
  return csvLine(follow ? [...columns, "lost"] : columns);
}

/**
 * A reading as a line of CSV. With `lost`, the number of samples missing before
 * this one, in a last column.
 */
export function readingCsv(reading: Reading, lost?: number): string {
  const { time, value, state, waveform, period, sequence } = reading;
  const fields = [
    shortNumber(time),
    value,
    state,
    waveform,
    shortNumber(period),
    sequence,
  ];
  return csvLine(lost === undefined ? fields : [...fields, lost]);
}

/** A reading for JSON, with the same fields in every line. */
export function readingJson(
  reading: Reading,
  lost?: number,
): Record<string, unknown> {
  const { state, waveform, value, time, period, sequence } = reading;
  return {
    state,
    waveform,
    value,
    time,
    period,
    sequence: sequence ?? null,
    ...(lost === undefined ? {} : { lost }),
  };
}

/** Settings as text: `SIN, period 2 s, interval 0.1 s, 10 bits`. */
export function settingsText(settings: WaveSettings): string {
  const { waveform, period, interval, bits } = settings;
  return `${waveform}, period ${shortNumber(period)} s, interval ${
    shortNumber(interval)
  } s, ${plural(bits, "bit")}`;
}

/** The state and the settings of a device in one line. */
export function statusLine(status: DeviceStatus, paint: Paint): string {
  const { state } = status;
  return `${paint(state, STATE_STYLES[state])}: ${settingsText(status)}`;
}

/** The full status of a device in a few lines. */
export function statusLines(status: DeviceStatus, paint: Paint): string[] {
  const { state, value, samples, rate, interval, time } = status;
  const rows: [string, string][] = [
    ["state", paint(state, STATE_STYLES[state])],
    ["wave", settingsText(status)],
    ["value", `${value} of ±${2 ** (status.bits - 1)}`],
    ["time", `${time.toFixed(decimalsOf(interval))} s`],
    [
      "samples",
      `${samples}, ${rateText(rate)} a second (${
        rateText(1 / interval)
      } asked)`,
    ],
    [
      "clients",
      status.clients === undefined ? "not known" : String(status.clients),
    ],
    ["commands", String(status.commands)],
    ["uptime", `${status.uptime.toFixed(1)} s`],
    [
      "device",
      `process ${status.pid}, key ${
        keyText(status.key)
      }, ${status.transport} memory, history of ${status.history} samples`,
    ],
  ];
  return rows.map(([name, text]) => `${paint(name.padEnd(9), "dim")} ${text}`);
}

/**
 * The summary of a run in one line. It shows the nominal rate only if that
 * never changed, so that the two rates can be compared.
 */
export function summaryLine(summary: RunSummary, firstRate: number): string {
  const { samples, seconds, rate, nominalRate, commands } = summary;
  return [
    `off: ${plural(samples, "sample")} in ${seconds.toFixed(1)} s`,
    `${rateText(rate)} a second${
      nominalRate === firstRate ? ` (${rateText(nominalRate)} asked)` : ""
    }`,
    plural(commands, "command"),
  ].join(", ");
}

/** The problems of a run, one line each. */
export function summaryNotes(summary: RunSummary): string[] {
  const { reason, skipped, malformed, lockOverruns } = summary;
  return [
    ...(reason === "removed" ? ["its memory was removed while it ran"] : []),
    ...(skipped === 0 ? [] : [
      `${
        plural(skipped, "sample")
      } left out: the machine was too busy or the process was stopped`,
    ]),
    ...(malformed === 0 ? [] : [
      `${plural(malformed, "message")} in the queue ${
        malformed === 1 ? "was no command" : "were no commands"
      }`,
    ]),
    ...(lockOverruns === 0 ? [] : [
      `wrote ${
        plural(lockOverruns, "time")
      } without the lock: another process kept it too long`,
    ]),
  ];
}
