/**
 * The reactor: one `epoll` instance for all waits on descriptors.
 *
 * At most one call of an isolate sits in Deno's pool of threads, however many
 * wait, and none while nobody does, so that the process can end. Descriptors
 * are armed for one event at a time: whoever is still waiting arms them again.
 *
 * The pool is the shortest way that was found into an event loop that sleeps.
 * From a write of another process to the read of it, medians of 300 on two
 * cores, each way by itself: a call in the pool 49 µs; `O_ASYNC` with Deno's
 * listener of `SIGIO` 57; a thread of ours in `epoll_wait` that rings a socket
 * adopted by `node:net` 103, as it wakes two threads as well. Deno adopts
 * neither an `epoll` nor an event descriptor.
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

/** What of a descriptor to wait for. */
export type Interest = "read" | "write";

// Of `struct epoll_event`.
const EVENT = epoll_event.size;
const DATA = epoll_event.offsets.data;

/** How many events one call fetches. */
const BATCH = 64;
/** How often a reactor that must not keep the process alive looks, in ms. */
const UNREFERENCED_INTERVAL = 10;
/**
 * The longest call in a worker, in ms: nothing else can end it when the worker
 * is terminated, and until it ends its thread stays.
 */
const WORKER_INTERVAL = 1000;
/**
 * After so many events in a row that helped nobody, a descriptor is armed again
 * with a delay: it may be ready for ever, but not for what is wanted, as an
 * eventfd that has room for 1 and not for 2.
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

  /** Whether waiters are to be told when the descriptor is ready. */
  get wanted(): boolean {
    return this.parked > 0 && !this.held;
  }

  /** Lets the waiters try; true when that has helped one of them. */
  fire(): boolean {
    this.advanced = false;
    return this.poke() || this.advanced;
  }

  /** Ends {@linkcode held}: the others go on. */
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
  /** Whether epoll knows it. */
  registered = false;
  /** What epoll will report next; nothing after it has reported. */
  armed = 0;
  /** Whether it counts as awaited, and as keeping the process alive. */
  awaited = false;
  referenced = false;
  /** Whether its waiters are just being told that it cannot be armed. */
  failing = false;
  /** How many events in a row helped nobody. */
  vain = 0;
  /** What arms it again, after a delay. */
  delay: ReturnType<typeof setTimeout> | undefined;

  constructor(fd: Fd) {
    this.fd = fd;
  }
}

/** Whether a wait for it keeps the process alive. */
function isReferenced({ read, write }: Entry): boolean {
  return read.referenced + write.referenced > 0;
}

const entries = new WeakMap<Fd, Entry>();

/** The source of waits until a descriptor can be read or written. */
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
  /** How many descriptors somebody waits for. */
  #awaited = 0;
  /** How many of these keep the process alive. */
  #referenced = 0;
  readonly #event = new Uint8Array(EVENT);
  readonly #eventView = new DataView(this.#event.buffer);
  #events = new Uint8Array(0);
  #eventsView = new DataView(this.#events.buffer);
  /** Whether a call sits in the pool, and whether it is on its way back. */
  #pending = false;
  #interrupted = false;
  /** Whether events are handed on, after which the next call is decided. */
  #delivering = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Arms a descriptor for what its waiters want, or lets them fail. */
  update(entry: Entry): void {
    if (entry.fd.closed || entry.failing) return;
    const wanted = (entry.read.wanted ? EPOLLIN | EPOLLRDHUP : 0) |
      (entry.write.wanted ? EPOLLOUT : 0);
    // What nobody wants any more may stay armed: it fires once at the most.
    const arms = (wanted & ~entry.armed) !== 0 && entry.delay === undefined;
    try {
      if (arms) this.#arm(entry, wanted);
      // Those behind one who holds their turn arm nothing, but are waited for.
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

  /** Takes a descriptor out before it is closed, and lets its waiters fail. */
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
    // EINVAL when its number is another file's by now, such as this one's.
    if ((error === ERRNO.EBADF || error === ERRNO.EINVAL) && this.#isLost()) {
      this.#reopen();
      return this.#arm(entry, wanted);
    }
    if (error === ERRNO.EPERM) {
      // A regular file: always ready, and nothing that epoll can watch.
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
   * Whether our own descriptor was closed by somebody who took its number for
   * theirs: other code of this process that closes a number twice, say.
   */
  #isLost(): boolean {
    const error = this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN);
    return error === 0 || error === ERRNO.EBADF || error === ERRNO.EINVAL;
  }

  /** Begins anew, and leaves the old numbers to whoever has them now. */
  #reopen(): void {
    // What was closed lives on in the call that waits in it, and would be all
    // that is waited for.
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
      // A worker may be terminated while the call is in the pool: what the call
      // writes to must stay when the worker's heap goes.
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

  /** Starts, keeps or ends the call in the pool, as the waiters need it. */
  #run(): void {
    if (this.#delivering) return;
    if (this.#pending) {
      if (this.#referenced === 0) this.#interrupt();
    } else if (this.#referenced > 0) {
      this.#wait();
    } else if (this.#awaited > 0 && this.#timer === undefined) {
      // A call in the pool would keep the process alive: look now and then.
      // The timer is left alone should a call start: to start and clear one at
      // every wake would take 30 µs.
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
        // The thread's errno is out of reach; a call on this thread tells.
        if (count > 0) this.#deliver(count);
        else this.#collect();
        this.#run();
      });
  }

  #interrupt(): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    // It can only fail when the counter is full, and then it is awake.
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
      // Missing when it was closed while the call was on its way back.
      const entry = this.#registered.get(fd);
      if (entry !== undefined) fired.push([entry, events]);
    }
    // Only now: those who are poked may wait again, and reuse the buffers.
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
    // Whoever still waits arms it again.
    if (entry.awaited) this.update(entry);
  }

  #delay(entry: Entry): void {
    // The call in the pool keeps the process alive where that is wanted.
    entry.delay = setTimeout(() => {
      entry.delay = undefined;
      this.update(entry);
    }, Math.min(entry.vain - MAX_VAIN, MAX_DELAY));
    Deno.unrefTimer(entry.delay);
  }
}

const isWorker = "WorkerGlobalScope" in globalThis;

/** Bytes that are never freed. */
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
