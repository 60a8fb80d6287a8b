/**
 * Names and numbers of signals.
 *
 * @module
 */

import { integer, shown } from "../core/convert/argument.ts";

/**
 * The Linux signals by name, as `kill -l` shows them: `signals.SIGTERM` is 15.
 * The two below `SIGRTMIN` belong to the C library.
 *
 * See [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html).
 */
export const signals = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
  SIGRTMIN: 34,
  "SIGRTMIN+1": 35,
  "SIGRTMIN+2": 36,
  "SIGRTMIN+3": 37,
  "SIGRTMIN+4": 38,
  "SIGRTMIN+5": 39,
  "SIGRTMIN+6": 40,
  "SIGRTMIN+7": 41,
  "SIGRTMIN+8": 42,
  "SIGRTMIN+9": 43,
  "SIGRTMIN+10": 44,
  "SIGRTMIN+11": 45,
  "SIGRTMIN+12": 46,
  "SIGRTMIN+13": 47,
  "SIGRTMIN+14": 48,
  "SIGRTMIN+15": 49,
  "SIGRTMAX-14": 50,
  "SIGRTMAX-13": 51,
  "SIGRTMAX-12": 52,
  "SIGRTMAX-11": 53,
  "SIGRTMAX-10": 54,
  "SIGRTMAX-9": 55,
  "SIGRTMAX-8": 56,
  "SIGRTMAX-7": 57,
  "SIGRTMAX-6": 58,
  "SIGRTMAX-5": 59,
  "SIGRTMAX-4": 60,
  "SIGRTMAX-3": 61,
  "SIGRTMAX-2": 62,
  "SIGRTMAX-1": 63,
  SIGRTMAX: 64,
} as const;

/**
 * The name of a signal. A real-time signal counts from either end: `"SIGRTMIN+3"`
 * and `"SIGRTMAX-27"` are the same one.
 */
export type SignalName =
  | keyof typeof signals
  | "SIGIOT"
  | "SIGPOLL"
  | "SIG32"
  | "SIG33"
  | `SIGRTMIN+${number}`
  | `SIGRTMAX-${number}`;

/** A signal by its name or number. */
export type Signal = SignalName | number;

/** Aliases, and the two signals that the C library reserves. */
const ALIASES: ReadonlyMap<string, number> = new Map([
  ["SIGIOT", signals.SIGABRT],
  ["SIGPOLL", signals.SIGIO],
  ["SIG32", 32],
  ["SIG33", 33],
]);

const NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(signals));
const NAMES: ReadonlyMap<number, SignalName> = new Map(
  Object.entries(signals).map((
    [name, number],
  ) => [number, name as SignalName]),
);

/** The highest number of a signal. */
const LAST = signals.SIGRTMAX;
/** The number of real-time signals after the first. */
const REAL_TIME = signals.SIGRTMAX - signals.SIGRTMIN;

/**
 * The number of a signal, from 1 to 64: `signalNumber("SIGRTMIN+1")` is 35.
 *
 * A number is checked and returned.
 *
 * @throws {TypeError} When there is no signal of that name.
 * @throws {RangeError} When the number is not from 1 to 64.
 */
export function signalNumber(signal: Signal): number {
  if (typeof signal !== "string") return integer(signal, "signal", 1, LAST);
  const number = NUMBERS.get(signal) ?? ALIASES.get(signal) ??
    realTimeNumber(signal);
  if (number !== undefined) return number;
  throw new TypeError(
    `signal must be a name such as "SIGTERM" or "SIGRTMIN+1", got ${
      shown(signal)
    }`,
  );
}

/**
 * The name of a signal as `kill -l` shows it: `signalName(35)` is
 * `"SIGRTMIN+1"`. A name is checked and returned in that form.
 *
 * 32 and 33, which belong to the C library, are `"SIG32"` and `"SIG33"`.
 *
 * @throws {TypeError} When there is no signal of that name.
 * @throws {RangeError} When the number is not from 1 to 64.
 */
export function signalName(signal: Signal): SignalName {
  const number = signalNumber(signal);
  return NAMES.get(number) ?? (number === 32 ? "SIG32" : "SIG33");
}

function realTimeNumber(name: string): number | undefined {
  const [, base, distance] = /^SIGRT(MIN\+|MAX-)([1-9]?\d)$/.exec(name) ?? [];
  if (distance === undefined || Number(distance) > REAL_TIME) return undefined;
  return base === "MIN+"
    ? signals.SIGRTMIN + Number(distance)
    : signals.SIGRTMAX - Number(distance);
}

/**
 * The numbers of one or more signals, without duplicates.
 *
 * @ignore
 */
export function signalNumbers(signals: Signal | Iterable<Signal>): number[] {
  if (typeof signals === "string" || typeof signals === "number") {
    return [signalNumber(signals)];
  }
  if (typeof signals?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      `signal must be a name or a number, or several of them, got ${
        shown(signals)
      }`,
    );
  }
  return Array.from(new Set(Array.from(signals, signalNumber)));
}

/**
 * The 64 bits of a `union sigval`.
 *
 * @ignore
 */
export function sigvalOf(value: number | bigint): bigint {
  if (typeof value === "bigint") {
    if (BigInt.asIntN(64, value) === value) return value;
    if (BigInt.asUintN(64, value) === value) return BigInt.asIntN(64, value);
    throw new RangeError(
      `value must fit 64 bits, got ${shown(value)}`,
    );
  }
  return BigInt(integer(value, "value", -0x8000_0000, 0x7fff_ffff));
}
