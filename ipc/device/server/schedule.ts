/**
 * When samples are due, and how many came in how much time.
 *
 * @module
 */

/**
 * The clock of a device. Sample k after a change of the interval is due, and
 * has device time, exactly k intervals after it, so that no delay adds up.
 */
export class Schedule {
  readonly #limit: number;
  #interval: number;
  /** Device time of sample 0 since the interval changed, in seconds. */
  #base = 0;
  /** When it was, or would have been, due, in milliseconds of the clock. */
  #origin = 0;
  /** The number of the next sample. */
  #next = 0;
  /** Milliseconds that were left to the next sample when it was stopped. */
  #left = 0;
  #running = false;
  #skipped = 0;

  /**
   * @param interval Seconds between two samples.
   * @param limit How many samples may be due at once. If more are, because the
   * process could not run, the clock of the device is put back.
   */
  constructor(interval: number, limit: number) {
    this.#interval = interval;
    this.#limit = limit;
  }

  /** Whether time goes on. */
  get running(): boolean {
    return this.#running;
  }

  /** How many samples were left out by putting the clock back. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Lets time go on. */
  start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#origin = now + this.#left - this.#next * this.#milliseconds;
  }

  /** Stops time. */
  stop(now: number): void {
    if (!this.#running) return;
    // Negative when a sample is late: it will be due at once.
    this.#left = this.delay(now);
    this.#running = false;
  }

  /** Changes the interval from the newest sample on, while time is stopped. */
  change(interval: number): void {
    if (this.#next > 0) {
      this.#base += (this.#next - 1) * this.#interval;
      this.#next = 1;
    }
    this.#interval = interval;
    this.#left = Math.min(this.#left, this.#milliseconds);
  }

  /** Milliseconds until the next sample is due; negative when it is late. */
  delay(now: number): number {
    return this.#origin + this.#next * this.#milliseconds - now;
  }

  /** How many samples are due. */
  due(now: number): number {
    if (!this.#running) return 0;
    const late = -this.delay(now);
    if (late < 0) return 0;
    const due = Math.floor(late / this.#milliseconds) + 1;
    if (due <= this.#limit) return due;
    this.#skipped += due - this.#limit;
    this.#origin += (due - this.#limit) * this.#milliseconds;
    return this.#limit;
  }

  /** Goes to the next sample and gives its device time in seconds. */
  advance(): number {
    return this.#base + this.#next++ * this.#interval;
  }

  get #milliseconds(): number {
    return this.#interval * 1000;
  }
}

/** How many samples came in how much time, without the pauses. */
export class Meter {
  #last: number | undefined;
  #seconds = 0;
  #counted = 0;
  #windowSeconds = 0;
  #windowCounted = 0;
  #rate: number | undefined;

  /** Seconds in which there were samples. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Samples a second over all of these. */
  get average(): number {
    return this.#seconds === 0 ? 0 : this.#counted / this.#seconds;
  }

  /** Samples a second over the last second or so. */
  get rate(): number {
    if (this.#rate !== undefined) return this.#rate;
    return this.#windowSeconds === 0
      ? 0
      : this.#windowCounted / this.#windowSeconds;
  }

  /** Notes that samples were written. */
  add(samples: number, now: number): void {
    const last = this.#last;
    this.#last = now;
    // The first ones after a pause end no interval.
    if (last === undefined) return;
    const seconds = (now - last) / 1000;
    this.#seconds += seconds;
    this.#counted += samples;
    this.#windowSeconds += seconds;
    this.#windowCounted += samples;
    if (this.#windowSeconds < 1) return;
    this.#rate = this.#windowCounted / this.#windowSeconds;
    this.#windowSeconds = 0;
    this.#windowCounted = 0;
  }

  /** Notes a pause: the time until the next samples does not count. */
  pause(): void {
    this.#last = undefined;
  }

  /** Forgets the last second: the interval has changed. */
  reset(): void {
    this.pause();
    this.#rate = undefined;
    this.#windowSeconds = 0;
    this.#windowCounted = 0;
  }
}
