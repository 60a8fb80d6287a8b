/**
 * Readings of a device as they come.
 *
 * @module
 */

import type { ClientEnd, Reading, SampleStream } from "../types.ts";

/** What a stream needs of its client. */
export interface StreamSource {
  /** Why the device is over, if it is; looks. */
  look(): ClientEnd | undefined;
  /** One reading, now. */
  read(): Reading;
}

/** The longest time between two looks at the device, in milliseconds. */
const MAX_DELAY = 50;

/** How many samples are taken out of the history at once. */
const BATCH = 1024;

/** Resolves after so many milliseconds, or rejects when the signal says so. */
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
    // A reader that was late does not hurry to make up for it.
    due = Math.max(due + pace, performance.now());
  }
  return undefined;
}

/** Looks at the device meanwhile; gives its end as soon as it is seen. */
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

/** What a {@linkcode Samples} needs of the history. */
export interface SampleSource {
  /** How many samples were overwritten before they were read. */
  readonly lost: number;
  /** The samples that have come. */
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
    // A generator lets nobody leave while a next() waits: it may for ever.
    while (left > 0 && !this.#left) {
      signal?.throwIfAborted();
      // First whether it is over, then what there is: nothing comes after.
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
