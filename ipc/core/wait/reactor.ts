/**
 * The reactor: one `epoll` instance for all waits on descriptors.
 *
 * An isolate has at most one call in Deno's thread pool for any number of
 * waits. Without waits it has none, so that the process can end. A descriptor
 * is armed for one event at a time; if waiters remain, it is armed again.
 *
 * The pool is the fastest way found to wake a sleeping event loop. Times from a
 * write in another process to the read here, medians of 300 on two cores, each
 * measured alone: a call in the pool 49 µs; `O_ASYNC` with Deno's `SIGIO`
 * listener 57; an own thread in `epoll_wait` that writes to a socket adopted by
 * `node:net` 103, as it wakes two threads as well. Deno cannot
 * itself wait on an epoll descriptor or an eventfd.
 *
 * @module
 */

import {
  checkInt,
  checkPtr,
  ERRNO,
  errnoOf,
  ipcError,
  isInterruption,
} from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epoll_event,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
  sys_epoll,
} from "../../../ffi/libc/sys_epoll.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  sys_eventfd,
} from "../../../ffi/libc/sys_eventfd.ts";
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  sys_mman,
} from "../../../ffi/libc/sys_mman.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { closeFd } from "../handle/close_fd.ts";
import type { Fd } from "../handle/fd.ts";
import { fdinfo } from "../process/proc.ts";
import { Source } from "./source.ts";

/** The event to wait for: readability or writability. */
export type Interest = "read" | "write";

// The layout of `struct epoll_event`.
const EVENT = epoll_event.size;
const DATA = epoll_event.offsets.data;

/** Most events of one call. */
const BATCH = 64;
/** The polling interval when only unreferenced waits are left, in ms. */
const UNREFERENCED_INTERVAL = 10;
/**
 * The longest call in a worker, in ms. Nothing else ends the call when the
 * worker is terminated, and the thread of the pool stays in it until then.
 */
const WORKER_INTERVAL = 1000;
/**
 * After this many events in a row that helped no waiter, a descriptor is armed
 * again with a delay. It may be ready for ever, but not for these waiters, such
 * as an eventfd that can take 1 but not 2.
 */
const MAX_VAIN = 16;
/** The longest such delay, in ms. */
const MAX_DELAY = 20;

/** The source of waits on a descriptor. */
export class FdSource extends Source {
  readonly #entry: Entry;

  constructor(entry: Entry) {
    super(true);
    this.#entry = entry;
  }

  protected override update(): void {
    reactor.update(this.#entry);
  }

  /** Whether waiters need an event of the descriptor. */
  get wanted(): boolean {
    return this.parked > 0 && !this.held;
  }

  /** Lets the waiters try; true when one of them has made progress. */
  fire(): boolean {
    this.advanced = false;
    return this.poke() || this.advanced;
  }

  /** Ends {@linkcode held}, so that the other waiters continue. */
  release(): void {
    this.held = false;
    this.poke();
    this.update();
  }
}

/** A descriptor and its waits. */
class Entry {
  readonly fd: Fd;
  readonly read: FdSource = new FdSource(this);
  readonly write: FdSource = new FdSource(this);
  /** Whether it is registered with epoll. */
  registered = false;
  /** The events that epoll will report next; 0 after it has reported. */
  armed = 0;
  /** Whether it is counted as awaited, and as keeping the process alive. */
  awaited = false;
  referenced = false;
  /** Whether its waiters are being rejected because it cannot be armed. */
  failing = false;
  /** The number of events in a row that helped no waiter. */
  vain = 0;
  /** The timer that arms it again. */
  delay: ReturnType<typeof setTimeout> | undefined;

  constructor(fd: Fd) {
    this.fd = fd;
  }
}

/** Whether one of its waits keeps the process alive. */
function isReferenced({ read, write }: Entry): boolean {
  return read.referenced + write.referenced > 0;
}

const entries = new WeakMap<Fd, Entry>();

/** Returns the source of waits until a descriptor is readable or writable. */
export function fdSource(fd: Fd, interest: Interest): FdSource {
  let entry = entries.get(fd);
  if (entry === undefined) {
    const created = new Entry(fd);
    entry = created;
    entries.set(fd, entry);
    fd.beforeClose((number) => reactor.forget(created, number));
  }
  return entry[interest];
}

class Reactor {
  #epoll = -1;
  #wake = -1;
  readonly #registered = new Map<number, Entry>();
  /** The number of descriptors with waiters. */
  #awaited = 0;
  /** The number of these that keep the process alive. */
  #referenced = 0;
  readonly #event = new Uint8Array(EVENT);
  readonly #eventView = new DataView(this.#event.buffer);
  #events = new Uint8Array(0);
  #eventsView = new DataView(this.#events.buffer);
  /** Whether a call is in the pool, and whether it has been interrupted. */
  #pending = false;
  #interrupted = false;
  /** Whether events are being delivered; the next call is made afterwards. */
  #delivering = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Arms a descriptor for the events of its waiters, or rejects the waiters.
   */
  update(entry: Entry): void {
    if (entry.fd.closed || entry.failing) return;
    const wanted = (entry.read.wanted ? EPOLLIN | EPOLLRDHUP : 0) |
      (entry.write.wanted ? EPOLLOUT : 0);
    // Events without a waiter may stay armed: they fire once at most.
    const arms = (wanted & ~entry.armed) !== 0 && entry.delay === undefined;
    try {
      if (arms) this.#arm(entry, wanted);
      // Waiters behind a held one arm nothing, but keep the process alive.
      else if (isReferenced(entry)) this.#open();
    } catch (error) {
      entry.failing = true;
      entry.read.fail(error);
      entry.write.fail(error);
      entry.failing = false;
    }
    this.#count(
      entry,
      entry.read.wanted || entry.write.wanted,
      isReferenced(entry),
    );
    this.#run();
  }

  /** Removes a descriptor before it is closed, and lets its waiters fail. */
  forget(entry: Entry, fd: number): void {
    if (entry.registered) {
      this.#registered.delete(fd);
      this.#control(EPOLL_CTL_DEL, fd, 0);
    }
    clearTimeout(entry.delay);
    for (const source of [entry.read, entry.write]) {
      source.held = false;
      source.poke();
    }
    this.#count(entry, false, false);
    this.#run();
  }

  #count(entry: Entry, awaited: boolean, referenced: boolean): void {
    this.#awaited += Number(awaited) - Number(entry.awaited);
    this.#referenced += Number(referenced) - Number(entry.referenced);
    entry.awaited = awaited;
    entry.referenced = referenced;
  }

  #arm(entry: Entry, wanted: number): void {
    this.#open();
    const fd = entry.fd.use("wait for");
    const operation = entry.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    const error = this.#control(operation, fd, wanted | EPOLLONESHOT);
    // EINVAL means that the epoll number now belongs to another file.
    if ((error === ERRNO.EBADF || error === ERRNO.EINVAL) && this.#isLost()) {
      this.#reopen();
      return this.#arm(entry, wanted);
    }
    if (error === ERRNO.EPERM) {
      // A regular file is always ready, and epoll cannot watch it.
      entry.armed = wanted;
      setImmediate(() => this.#dispatch(entry, EPOLLIN | EPOLLOUT));
      return;
    }
    if (error !== 0) {
      throw ipcError(error, "epoll_ctl", "wait for", `descriptor ${fd}`);
    }
    entry.registered = true;
    entry.armed = wanted;
    this.#registered.set(fd, entry);
  }

  #control(operation: number, fd: number, events: number): number {
    this.#eventView.setUint32(0, events, true);
    this.#eventView.setInt32(DATA, fd, true);
    return errnoOf(
      sys_epoll().epoll_ctl(this.#epoll, operation, fd, this.#event),
      errno[0],
    );
  }

  /**
   * Whether other code in this process has closed our descriptor by its number,
   * for example by closing a descriptor of its own twice.
   */
  #isLost(): boolean {
    const error = this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN);
    return error === 0 || error === ERRNO.EBADF || error === ERRNO.EINVAL;
  }

  /** Makes a new epoll and leaves the old numbers to their new owners. */
  #reopen(): void {
    // A pending call still waits in the closed epoll: end it, so that the next
    // one waits in the new epoll.
    if (this.#pending && fdinfo(this.#wake, "eventfd-count") !== undefined) {
      this.#interrupt();
    }
    const known = [...this.#registered.values()];
    this.#registered.clear();
    this.#epoll = -1;
    for (const entry of known) {
      entry.registered = false;
      entry.armed = 0;
    }
    for (const entry of known) this.update(entry);
  }

  #open(): void {
    if (this.#epoll >= 0) return;
    if (this.#events.length === 0) {
      // A worker may be terminated while the call is in the pool: the memory
      // that it writes to must outlive the worker's heap.
      this.#events = lastingMemory(EVENT * BATCH);
      this.#eventsView = new DataView(this.#events.buffer);
    }
    const epoll = checkInt(
      sys_epoll().epoll_create1(EPOLL_CLOEXEC),
      errno[0],
      "epoll_create1",
      "make",
      "the reactor",
    );
    try {
      this.#wake = checkInt(
        sys_eventfd().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        errno[0],
        "eventfd",
        "make",
        "the reactor",
      );
    } catch (error) {
      closeFd(epoll, "reactor");
      throw error;
    }
    this.#epoll = epoll;
    this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN);
  }

  /** Starts, keeps or ends the call in the pool, as needed by the waiters. */
  #run(): void {
    if (this.#delivering) return;
    if (this.#pending) {
      if (this.#referenced === 0) this.#interrupt();
    } else if (this.#referenced > 0) {
      this.#wait();
    } else if (this.#awaited > 0 && this.#timer === undefined) {
      // A call in the pool would keep the process alive, so poll with a timer.
      // The timer keeps running when a call starts: starting and clearing it at
      // every wakeup would take 30 µs.
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        if (!this.#pending) this.#collect();
        this.#run();
      }, UNREFERENCED_INTERVAL);
      Deno.unrefTimer(this.#timer);
    } else if (this.#awaited === 0 && this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  #wait(): void {
    this.#pending = true;
    this.#interrupted = false;
    const timeout = isWorker ? WORKER_INTERVAL : -1;
    sys_epoll().epoll_wait_pool(this.#epoll, this.#events, BATCH, timeout)
      .then((count) => {
        this.#pending = false;
        // The errno of the pool's thread is lost; a call on this thread finds
        // it.
        if (count > 0) this.#deliver(count);
        else this.#collect();
        this.#run();
      });
  }

  #interrupt(): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    // This fails only when the counter is full, and then the call is awake.
    unistd().write(this.#wake, new BigUint64Array([1n]), 8);
  }

  /** Fetches events without waiting. */
  #collect(): void {
    const count = sys_epoll().epoll_wait(this.#epoll, this.#events, BATCH, 0);
    const error = errnoOf(count, errno[0]);
    if (isInterruption(error)) return;
    if (error === ERRNO.EBADF || error === ERRNO.EINVAL) return this.#reopen();
    if (error !== 0) {
      throw ipcError(error, "epoll_wait", "wait in", "the reactor");
    }
    this.#deliver(count);
  }

  #deliver(count: number): void {
    const fired: [Entry, number][] = [];
    for (let i = 0; i < count; i++) {
      const at = i * EVENT;
      const events = this.#eventsView.getUint32(at, true);
      const fd = this.#eventsView.getInt32(at + DATA, true);
      if (fd === this.#wake) {
        unistd().read(this.#wake, new BigUint64Array(1), 8);
        continue;
      }
      // It is missing when it was closed before the event arrived.
      const entry = this.#registered.get(fd);
      if (entry !== undefined) fired.push([entry, events]);
    }
    // Dispatch after reading: waiters may wait again and reuse the buffers.
    this.#delivering = true;
    try {
      for (const [entry, events] of fired) this.#dispatch(entry, events);
    } finally {
      this.#delivering = false;
    }
  }

  #dispatch(entry: Entry, events: number): void {
    entry.armed = 0;
    const both = EPOLLERR | EPOLLHUP;
    let helped = !entry.awaited;
    if (events & (EPOLLIN | EPOLLRDHUP | both)) {
      helped = entry.read.fire() || helped;
    }
    if (events & (EPOLLOUT | both)) helped = entry.write.fire() || helped;
    entry.vain = helped ? 0 : entry.vain + 1;
    if (entry.vain > MAX_VAIN) this.#delay(entry);
    // Arm it again for the remaining waiters.
    if (entry.awaited) this.update(entry);
  }

  #delay(entry: Entry): void {
    // The call in the pool keeps the process alive if needed.
    entry.delay = setTimeout(() => {
      entry.delay = undefined;
      this.update(entry);
    }, Math.min(entry.vain - MAX_VAIN, MAX_DELAY));
    Deno.unrefTimer(entry.delay);
  }
}

const isWorker = "WorkerGlobalScope" in globalThis;

/** `mmap`: returns memory that is never freed. */
function lastingMemory(size: number): Uint8Array<ArrayBuffer> {
  const pointer = checkPtr(
    sys_mman().mmap(
      null,
      BigInt(size),
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS,
      -1,
      0n,
    ),
    errno[0],
    "mmap",
    "make",
    "the reactor",
  );
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, size));
}

const reactor = new Reactor();
