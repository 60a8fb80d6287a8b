/**
 * The waveforms of the simulated device.
 *
 * @module
 */

import { integer, shown } from "../core/convert/argument.ts";

/** A waveform: sine, triangle or square, by the names of the C enum. */
export type Waveform = "SIN" | "TRI" | "QUA";

/** The waveforms in the order of the C enum: `WAVEFORMS[0]` is sine. */
export const WAVEFORMS: readonly Waveform[] = Object.freeze([
  "SIN",
  "TRI",
  "QUA",
]);

/** The maximum resolution in bits. */
export const MAX_BITS = 31;

/**
 * The sample of a waveform at a device time: full scale is ±2^(bits-1), and
 * fractions are truncated toward zero.
 *
 * Sine is A·sin(2πt/T). Triangle rises from 0 to A in the first quarter of the
 * period, falls to -A at three quarters and rises to 0. Square is A in the
 * first half and -A in the second.
 *
 * @example One period of a triangle in four samples
 * ```ts
 * import { sampleAt } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const samples = [0, 1, 2, 3].map((t) => sampleAt("TRI", t, 4, 10));
 * assertEquals(samples, [0, 512, 0, -512]);
 * ```
 *
 * @param time Seconds, at least 0.
 * @param period Seconds, 0.000001 to 1000000000.
 * @param bits Resolution, 2 to 31.
 * @throws {TypeError} When the waveform is not known.
 * @throws {RangeError} When a number is out of its range.
 */
export function sampleAt(
  waveform: Waveform,
  time: number,
  period: number,
  bits = 10,
): number {
  checkWaveform(waveform);
  checkBits(bits);
  if (!(time >= 0 && time < Infinity)) {
    throw new RangeError(`time must be seconds from 0 on, got ${shown(time)}`);
  }
  checkPeriod(period);
  return rawSample(waveform, time, period, 2 ** (bits - 1));
}

/** {@linkcode sampleAt} for checked arguments, with the full scale. */
export function rawSample(
  waveform: Waveform,
  time: number,
  period: number,
  fullScale: number,
): number {
  // `| 0` truncates toward zero as a C cast does, and never yields -0. The
  // terms are in the order of the C programs, so that the results are equal.
  if (waveform === "SIN") {
    return (fullScale * Math.sin(2 * Math.PI * time / period)) | 0;
  }
  const phase = (time % period) / period;
  if (waveform === "QUA") return phase < 0.5 ? fullScale : -fullScale;
  if (phase < 0.25) return (fullScale * 4 * phase) | 0;
  if (phase < 0.75) return (fullScale * (2 - 4 * phase)) | 0;
  return (fullScale * (4 * phase - 4)) | 0;
}

/** Checks the name of a waveform and returns it in capitals. */
export function checkWaveform(waveform: string): Waveform {
  const name = typeof waveform === "string" ? waveform.toUpperCase() : waveform;
  const found = WAVEFORMS.find((known) => known === name);
  if (found === undefined) {
    throw new TypeError(
      `waveform must be one of ${WAVEFORMS.join(", ")}, got ${shown(waveform)}`,
    );
  }
  return found;
}

/** Checks a resolution in bits. */
export function checkBits(bits: number): number {
  return integer(bits, "bits", 2, MAX_BITS);
}

/** Checks a period in seconds. */
export function checkPeriod(period: number): number {
  return seconds(period, "period", 1e-6, 1e9);
}

/** Checks an interval in seconds. */
export function checkInterval(interval: number): number {
  return seconds(interval, "interval", 1e-6, 3600);
}

/** Checks a time in seconds. */
export function seconds(
  value: number,
  what: string,
  min: number,
  max: number,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${shown(value)}`);
  }
  if (!(value >= min && value <= max)) {
    throw new RangeError(
      `${what} must be seconds from ${decimal(min)} to ${max}, got ${value}`,
    );
  }
  return value;
}

function decimal(value: number): string {
  return value === 1e-6 ? "0.000001" : String(value);
}
