/**
 * The reactor: one `epoll` instance for all waits on descriptors.
 *
 * At most one call of an isolate sits in Deno's pool of threads, however many
 * wait, and none while nobody does, so that the process can end. Descriptors
 * are armed for one event at a time: whoever is still waiting arms them again.
 *
 * @module
 */

import { sys_epoll } from "../libc/sys_epoll.ts";
import { sys_eventfd } from "../libc/sys_eventfd.ts";
import { unistd } from "../libc/unistd.ts";
import { checkFd, ERRNO, errnoOf, ipcError } from "./errno.ts";
import { closeFd, type Fd } from "./fd.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLL_EVENT_DATA,
  EPOLL_EVENT_SIZE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
} from "./platform.ts";
import { Source } from "./_source.ts";

/** What of a descriptor to wait for. */
export type Interest = "read" | "write";

/** How many events one call fetches. */
const BATCH = 64;
/** How often a reactor that must not keep the process alive looks, in ms. */
const UNREFERENCED_INTERVAL = 10;

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

  constructor(fd: Fd) {
    this.fd = fd;
  }
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
  readonly #event = new Uint8Array(EPOLL_EVENT_SIZE);
  readonly #eventView = new DataView(this.#event.buffer);
  readonly #events = new Uint8Array(EPOLL_EVENT_SIZE * BATCH);
  readonly #eventsView = new DataView(this.#events.buffer);
  /** Whether a call sits in the pool, and whether it is on its way back. */
  #pending = false;
  #interrupted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Arms a descriptor for what its waiters want. */
  update(entry: Entry): void {
    if (entry.fd.closed) return;
    const wanted = (entry.read.wanted ? EPOLLIN | EPOLLRDHUP : 0) |
      (entry.write.wanted ? EPOLLOUT : 0);
    // What nobody wants any more may stay armed: it fires once at the most.
    if ((wanted & ~entry.armed) !== 0) this.#arm(entry, wanted);
    this.#count(
      entry,
      wanted !== 0,
      entry.read.referenced + entry.write.referenced > 0,
    );
    this.#run();
  }

  /** Takes a descriptor out before it is closed, and lets its waiters fail. */
  forget(entry: Entry, fd: number): void {
    if (entry.registered) {
      this.#registered.delete(fd);
      this.#control(EPOLL_CTL_DEL, fd, 0);
    }
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
    if (error === ERRNO.EPERM) {
      // A regular file: always ready, and nothing that epoll can watch.
      queueMicrotask(() => this.#dispatch(entry, EPOLLIN | EPOLLOUT));
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
    this.#eventView.setInt32(EPOLL_EVENT_DATA, fd, true);
    return errnoOf(
      sys_epoll().epoll_ctl(this.#epoll, operation, fd, this.#event),
    );
  }

  #open(): void {
    if (this.#epoll >= 0) return;
    const epoll = checkFd(
      sys_epoll().epoll_create1(EPOLL_CLOEXEC),
      "epoll_create1",
      "make",
      "the reactor",
    );
    try {
      this.#wake = checkFd(
        sys_eventfd().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
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
    if (this.#pending) {
      if (this.#referenced === 0) this.#interrupt();
      return;
    }
    clearTimeout(this.#timer);
    if (this.#referenced > 0) {
      this.#wait();
    } else if (this.#awaited > 0) {
      // A call in the pool would keep the process alive: look now and then.
      this.#timer = setTimeout(() => {
        this.#collect();
        this.#run();
      }, UNREFERENCED_INTERVAL);
      Deno.unrefTimer(this.#timer);
    }
  }

  #wait(): void {
    this.#pending = true;
    this.#interrupted = false;
    sys_epoll().epoll_wait_pool(this.#epoll, this.#events, BATCH, -1)
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
    const error = errnoOf(count);
    if (error === ERRNO.EINTR) return;
    if (error !== 0) {
      throw ipcError(error, "epoll_wait", "wait in", "the reactor");
    }
    this.#deliver(count);
  }

  #deliver(count: number): void {
    const fired: [Entry, number][] = [];
    for (let i = 0; i < count; i++) {
      const at = i * EPOLL_EVENT_SIZE;
      const events = this.#eventsView.getUint32(at, true);
      const fd = this.#eventsView.getInt32(at + EPOLL_EVENT_DATA, true);
      if (fd === this.#wake) {
        unistd().read(this.#wake, new BigUint64Array(1), 8);
        continue;
      }
      // Missing when it was closed while the call was on its way back.
      const entry = this.#registered.get(fd);
      if (entry !== undefined) fired.push([entry, events]);
    }
    // Only now: those who are poked may wait again, and reuse the buffers.
    for (const [entry, events] of fired) this.#dispatch(entry, events);
  }

  #dispatch(entry: Entry, events: number): void {
    entry.armed = 0;
    const both = EPOLLERR | EPOLLHUP;
    if (events & (EPOLLIN | EPOLLRDHUP | both)) entry.read.poke();
    if (events & (EPOLLOUT | both)) entry.write.poke();
    // Whoever still waits arms it again.
    this.update(entry);
  }
}

const reactor = new Reactor();
