/**
 * Threads for blocking calls that have no descriptor to poll: `msgrcv`,
 * `semop`, `futex`.
 *
 * A call in Deno's thread pool cannot be cancelled, keeps the process alive,
 * and takes one of the few threads that everything else needs. So these calls
 * run on their own threads, made only with the C library: `pthread_create`
 * starts in `setcontext`, which enters a context that `makecontext` prepared.
 * Each call uses three contexts in a row: wait for work on a semaphore, make
 * the call, write to an eventfd that the reactor watches. The contexts are in
 * memory that is never unmapped.
 *
 * The result of the call is lost, so the call must only wait. If it takes
 * something, this must be in its memory (`finish`). The isolate thread then
 * tries again by itself.
 *
 * A C library without contexts (musl) has no such threads.
 *
 * @module
 */

import { cstring } from "../../../ffi/cstring.ts";
import { checkInt, checkPtr } from "../../../ffi/errno.ts";
import { dlfcn } from "../../../ffi/libc/dlfcn.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { POLLIN } from "../../../ffi/libc/poll.ts";
import { pthread } from "../../../ffi/libc/pthread.ts";
import { semaphore } from "../../../ffi/libc/semaphore.ts";
import { stack_t } from "../../../ffi/libc/signal.ts";
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
import { ucontext, ucontext_t } from "../../../ffi/libc/ucontext.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { Fd } from "../handle/fd.ts";
import { INTERNAL } from "../handle/internal.ts";
import { Deadline } from "./deadline.ts";
import { pollUntil } from "./poll.ts";
import { fdSource } from "./reactor.ts";
import { type BlockingCall, PAYLOAD, type Waiter } from "./source.ts";
import { shareSignal } from "./timer_interrupt.ts";

/** Most threads; further waits are polled by a timer. */
const MAX_THREADS = 32;
/** The interval of signals to a call until it ends, in ms. */
const INTERRUPT_INTERVAL = 2;
/** The longest blocking wait for its end, in ms. */
const MAX_SETTLE = 500;

// The memory of a thread: six contexts, the memory of its calls, six stacks.
const CONTEXT = 8192;
const STACK = 16384;
const SHARED = 6 * CONTEXT;
const ONE = SHARED + 64;
const MEMORY = SHARED + 4096;
const STACKS = MEMORY + PAYLOAD;
const SIZE = STACKS + 6 * STACK;

// There are two of each: a context must not be remade while the thread may
// still run in it, and the thread reports shortly before it leaves its context.
const PARK = 0;
const CALL = 2;
const REPORT = 4;

/** Signals that the C library sends its threads, which must not be blocked. */
const INTERNAL_SIGNALS = 1n << 31n | 1n << 32n;

/** A thread that makes one blocking call after the other. */
export class WaitThread {
  readonly #base: Deno.PointerObject;
  readonly #address: bigint;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #eventfd: Fd;
  readonly #thread = new BigUint64Array(1);
  /** Which context of each pair comes next. */
  #turn = 0;
  #call: BlockingCall | undefined;
  #done: (() => void) | undefined;
  #waiter: Waiter | undefined;
  #interrupting: ReturnType<typeof setInterval> | undefined;

  private constructor() {
    this.#base = checkPtr(
      sys_mman().mmap(
        null,
        BigInt(SIZE),
        PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS,
        -1,
        0n,
      ),
      errno[0],
      "mmap",
      "make",
      "a thread to wait on",
    );
    try {
      this.#eventfd = new Fd(
        INTERNAL,
        checkInt(
          sys_eventfd().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
          errno[0],
          "eventfd",
          "make",
          "a thread to wait on",
        ),
        "eventfd of a thread",
      );
    } catch (error) {
      sys_mman().munmap(this.#base, BigInt(SIZE));
      throw error;
    }
    this.#address = BigInt(Deno.UnsafePointer.value(this.#base));
    this.#bytes = new Uint8Array(
      Deno.UnsafePointerView.getArrayBuffer(this.#base, SIZE),
    );
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Returns an idle or new thread, or undefined when there can be none. */
  static take(): WaitThread | undefined {
    const idle = idleThreads.pop();
    if (idle !== undefined || threads >= MAX_THREADS) return idle;
    if (functions() === undefined) return undefined;
    signal ??= shareSignal();
    if (signal === undefined) return undefined;
    try {
      const thread = new WaitThread();
      if (!thread.#start()) return undefined;
      threads++;
      return thread;
    } catch {
      // No descriptor or memory is left: the waiter is polled by a timer.
      return undefined;
    }
  }

  /**
   * Starts a call, and calls `done` on the isolate thread when it is over.
   * Returns false when its end could not be detected. The thread is then free
   * again.
   */
  run(call: BlockingCall, referenced: boolean, done: () => void): boolean {
    const memory = this.#bytes.subarray(MEMORY, MEMORY + PAYLOAD);
    let args: bigint[];
    try {
      args = call.prepare(memory, this.#address + BigInt(MEMORY));
    } catch (error) {
      idleThreads.push(this);
      throw error;
    }
    if (!this.#watch(referenced)) {
      idleThreads.push(this);
      call.finish?.(memory);
      return false;
    }
    this.#call = call;
    this.#done = done;
    const { [call.symbol]: target, write, sem_wait } = functions() ?? {};
    if (target === undefined || write === undefined || sem_wait === undefined) {
      throw new TypeError(`Cannot find ${call.symbol} in the C library`);
    }
    const turn = this.#turn;
    const then = 1 - turn;
    this.#make(CALL + turn, target, args, REPORT + turn);
    this.#make(
      REPORT + turn,
      write,
      [BigInt(this.#eventfd.number), this.#address + BigInt(ONE), 8n],
      PARK + then,
    );
    this.#makePark(then, sem_wait);
    this.#turn = then;
    semaphore().sem_post(this.#go());
    return true;
  }

  /**
   * Interrupts the call, and calls this `done` at its end instead of the one
   * given to {@linkcode run}. Returns false when it is already over. The thread
   * is then free again.
   */
  interrupt(done: () => void): boolean {
    if (this.#call === undefined) return false;
    this.#done = done;
    this.#watch(false);
    this.#kick();
    // Repeat it, in case the first signal came before the call slept.
    this.#interrupting ??= setInterval(() => {
      if (!this.#poke()) this.#kick();
    }, INTERRUPT_INTERVAL);
    Deno.unrefTimer(this.#interrupting);
    return true;
  }

  /**
   * Blocks the isolate thread until the interrupted call is over, at most
   * {@linkcode MAX_SETTLE} ms in case the signal is ignored.
   */
  settle(): void {
    const patience = new Deadline(MAX_SETTLE);
    while (this.#call !== undefined && !this.#poke() && !patience.expired) {
      this.#kick();
      pollUntil(this.#eventfd.number, POLLIN, new Deadline(INTERRUPT_INTERVAL));
    }
  }

  /** Calls `done` at once if the call is over. */
  check(): void {
    this.#poke();
  }

  #kick(): void {
    if (signal === undefined) return;
    pthread().pthread_kill(this.#thread[0] ?? 0n, signal);
  }

  #start(): boolean {
    this.#view.setBigUint64(ONE, 1n, true);
    semaphore().sem_init(this.#go(), 0, 0);
    const { sem_wait, setcontext } = functions() ?? {};
    if (sem_wait === undefined || setcontext === undefined) return false;
    this.#makePark(0, sem_wait);
    const calls = pthread();
    const error = calls.pthread_create(
      this.#thread,
      null,
      setcontext,
      this.#at(PARK * CONTEXT),
    );
    if (error !== 0) {
      this.#eventfd.close();
      sys_mman().munmap(this.#base, BigInt(SIZE));
      return false;
    }
    calls.pthread_detach(this.#thread[0] ?? 0n);
    return true;
  }

  #makePark(turn: number, sem_wait: Deno.PointerObject): void {
    this.#make(
      PARK + turn,
      sem_wait,
      [this.#address + BigInt(SHARED)],
      CALL + turn,
    );
  }

  /**
   * Prepares a context that calls a function and continues in another context.
   */
  #make(
    index: number,
    target: Deno.PointerObject,
    args: readonly bigint[],
    next: number,
  ): void {
    const offset = index * CONTEXT;
    const context = this.#at(offset);
    const calls = ucontext();
    calls.getcontext?.(context);
    const { uc_link, uc_stack, uc_sigmask } = ucontext_t.offsets;
    const { ss_sp, ss_size } = stack_t.offsets;
    const set = (at: number, value: bigint): void =>
      this.#view.setBigUint64(offset + at, value, true);
    set(uc_link, this.#address + BigInt(next * CONTEXT));
    set(uc_stack + ss_sp, this.#address + BigInt(STACKS + index * STACK));
    set(uc_stack + ss_size, BigInt(STACK));
    // Our signal may interrupt only the call: sem_wait would return early.
    const ours = index === CALL || index === CALL + 1
      ? 1n << BigInt((signal ?? 64) - 1)
      : 0n;
    set(uc_sigmask, ~(ours | INTERNAL_SIGNALS));
    const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args;
    calls.makecontext?.(context, target, args.length, a, b, c, d, e);
  }

  #at(offset: number): Deno.PointerObject {
    return Deno.UnsafePointer.offset(this.#base, offset) as Deno.PointerObject;
  }

  #go(): Deno.PointerObject {
    return this.#at(SHARED);
  }

  /**
   * Makes the reactor watch the thread's eventfd. Returns false when it cannot.
   */
  #watch(referenced: boolean): boolean {
    const source = fdSource(this.#eventfd, "read");
    this.#unwatch();
    const waiter: Waiter = {
      parked: false,
      referenced,
      poke: () => this.#poke(),
      fail: () => this.#unwatch(),
    };
    this.#waiter = waiter;
    source.waiters.add(waiter);
    source.park(waiter);
    return this.#waiter === waiter;
  }

  #unwatch(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) fdSource(this.#eventfd, "read").leave(waiter);
  }

  /** Ends the call if the thread has written to its eventfd; true then. */
  #poke(): boolean {
    const size = unistd().read(this.#eventfd.number, counter, 8);
    if (size !== 8) return false;
    this.#unwatch();
    this.#over();
    return true;
  }

  #over(): void {
    clearInterval(this.#interrupting);
    this.#interrupting = undefined;
    const call = this.#call;
    const done = this.#done;
    this.#call = undefined;
    this.#done = undefined;
    idleThreads.push(this);
    call?.finish?.(this.#bytes.subarray(MEMORY, MEMORY + PAYLOAD));
    done?.();
  }
}

const idleThreads: WaitThread[] = [];
let threads = 0;
const counter = new BigUint64Array(1);
// Never given back: a thread may be interrupted at any time.
let signal: number | undefined;

type Functions = Record<string, Deno.PointerObject>;
let found: Functions | false | undefined;

/**
 * Returns the functions that contexts call, or undefined when one is missing.
 */
function functions(): Functions | undefined {
  if (found === undefined) {
    found = {};
    const names = [
      "setcontext",
      "getcontext",
      "makecontext",
      "sem_wait",
      "write",
      "msgrcv",
      "semop",
      "syscall",
    ];
    for (const name of names) {
      const pointer = dlfcn().dlsym(null, cstring(name, "symbol"));
      if (pointer === null) {
        found = false;
        break;
      }
      found[name] = pointer;
    }
  }
  return found || undefined;
}
