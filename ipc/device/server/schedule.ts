/**
 * The clock that schedules samples, and the meter of their rate.
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
  /**
   * When that sample was, or would have been, due, in milliseconds of the
   * clock.
   */
  #origin = 0;
  /** The number of the next sample. */
  #next = 0;
  /** Milliseconds left to the next sample when the clock was stopped. */
  #left = 0;
  #running = false;
  #skipped = 0;

  /**
   * @param interval Seconds between two samples.
   * @param limit Maximum number of samples due at once. If more are due,
   * because the process could not run, the device clock is set back.
   */
  constructor(interval: number, limit: number) {
    this.#interval = interval;
    this.#limit = limit;
  }

  /** Whether the clock is running. */
  get running(): boolean {
    return this.#running;
  }

  /** The number of samples skipped by setting the clock back. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Starts the clock. */
  start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#origin = now + this.#left - this.#next * this.#milliseconds;
  }

  /** Stops the clock. */
  stop(now: number): void {
    if (!this.#running) return;
    // Negative when a sample is late: it is due at once after the start.
    this.#left = this.delay(now);
    this.#running = false;
  }

  /**
   * Changes the interval from the newest sample on, while the clock is stopped.
   */
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

  /** The number of samples due. */
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

  /** Advances to the next sample and returns its device time in seconds. */
  advance(): number {
    return this.#base + this.#next++ * this.#interval;
  }

  get #milliseconds(): number {
    return this.#interval * 1000;
  }
}

/** Measures the sample rate, without pauses. */
export class Meter {
  #last: number | undefined;
  #seconds = 0;
  #counted = 0;
  #windowSeconds = 0;
  #windowCounted = 0;
  #rate: number | undefined;

  /** Seconds of producing. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Samples per second over all of them. */
  get average(): number {
    return this.#seconds === 0 ? 0 : this.#counted / this.#seconds;
  }

  /** Samples per second over about the last second. */
  get rate(): number {
    if (this.#rate !== undefined) return this.#rate;
    return this.#windowSeconds === 0
      ? 0
      : this.#windowCounted / this.#windowSeconds;
  }

  /** Counts written samples. */
  add(samples: number, now: number): void {
    const last = this.#last;
    this.#last = now;
    // The first samples after a pause end no interval.
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

  /** Begins a pause: the time until the next samples does not count. */
  pause(): void {
    this.#last = undefined;
  }

  /** Resets the current rate after a change of the interval. */
  reset(): void {
    this.pause();
    this.#rate = undefined;
    this.#windowSeconds = 0;
    this.#windowCounted = 0;
  }
}
