/**
 * Streams of readings and samples.
 *
 * @module
 */

import type { ClientEnd, Reading, SampleStream } from "../types.ts";

/** The client as a stream sees it. */
export interface StreamSource {
  /** Checks the device; returns why it ended, if it has. */
  look(): ClientEnd | undefined;
  /** Reads the current values. */
  read(): Reading;
}

/** The longest interval between two checks of the device, in milliseconds. */
const MAX_DELAY = 50;

/** The number of samples taken from the history at once. */
const BATCH = 1024;

/**
 * Resolves after a delay in milliseconds, or rejects when the signal aborts.
 */
export function sleep(
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) {
    reject(signal.reason);
    return promise;
  }
  const abort = () => {
    clearTimeout(timer);
    reject(signal?.reason);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener("abort", abort);
    resolve();
  }, milliseconds);
  signal?.addEventListener("abort", abort, { once: true });
  return promise;
}

/** Readings at a pace, in milliseconds. */
export async function* paced(
  source: StreamSource,
  pace: number,
  count: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Reading, undefined> {
  let due = performance.now();
  for (let n = 0; n < count; n++) {
    signal?.throwIfAborted();
    const end = n === 0 ? source.look() : await sleepUntil(source, due, signal);
    if (end === "off") yield source.read();
    if (end !== undefined) return undefined;
    yield source.read();
    // A late reader does not catch up.
    due = Math.max(due + pace, performance.now());
  }
  return undefined;
}

/** Checks the device during the wait; returns its end as soon as it is seen. */
async function sleepUntil(
  source: StreamSource,
  due: number,
  signal: AbortSignal | undefined,
): Promise<ClientEnd | undefined> {
  for (;;) {
    const end = source.look();
    const left = due - performance.now();
    if (end !== undefined || left <= 0) return end;
    await sleep(Math.min(left, MAX_DELAY), signal);
  }
}

/** The history as {@linkcode Samples} sees it. */
export interface SampleSource {
  /** The number of samples overwritten before they were read. */
  readonly lost: number;
  /** The new samples, at most `limit`. */
  take(limit: number): Reading[];
}

/** Every sample. */
export class Samples implements SampleStream {
  readonly #client: StreamSource;
  readonly #history: SampleSource;
  readonly #generator: AsyncGenerator<Reading, undefined>;
  #end: ClientEnd | undefined;
  #left = false;

  constructor(
    client: StreamSource,
    history: SampleSource,
    options: {
      delay: () => number;
      count: number;
      signal: AbortSignal | undefined;
    },
  ) {
    this.#client = client;
    this.#history = history;
    this.#generator = this.#generate(options);
  }

  get lost(): number {
    return this.#history.lost;
  }

  get end(): ClientEnd | undefined {
    return this.#end;
  }

  next(): Promise<IteratorResult<Reading, undefined>> {
    return this.#generator.next();
  }

  return(): Promise<IteratorResult<Reading, undefined>> {
    this.#left = true;
    return this.#generator.return(undefined);
  }

  throw(error: unknown): Promise<IteratorResult<Reading, undefined>> {
    this.#left = true;
    return this.#generator.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async *#generate(options: {
    delay: () => number;
    count: number;
    signal: AbortSignal | undefined;
  }): AsyncGenerator<Reading, undefined> {
    const { delay, signal } = options;
    let left = options.count;
    // return() of a generator waits for a pending next(), which may last for
    // ever, so return() also sets a flag.
    while (left > 0 && !this.#left) {
      signal?.throwIfAborted();
      // Check the end before the samples: after the end no sample is added.
      this.#end ??= this.#client.look();
      const samples = this.#history.take(Math.min(left, BATCH));
      left -= samples.length;
      for (const sample of samples) {
        signal?.throwIfAborted();
        yield sample;
      }
      if (samples.length > 0) continue;
      if (this.#end !== undefined) return undefined;
      await sleep(delay(), signal);
    }
    return undefined;
  }
}
