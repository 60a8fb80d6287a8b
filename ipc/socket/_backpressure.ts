/**
 * Backpressure of an unconnected Unix datagram socket.
 *
 * The kernel wakes a sender only if it is connected to the receiver. So a proxy
 * socket is connected to the receiver while calls wait, and its writability is
 * the event.
 *
 * @module
 */

import { errnoOf } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  AF_UNIX,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { timeoutOf, type WaitOptions } from "../core/wait/options.ts";
import { fdSource } from "../core/wait/reactor.ts";
import { PollingSource, type Source } from "../core/wait/source.ts";
import { ready, type WaitSubject, waitUntil } from "../core/wait/wait.ts";

/** The calls that wait for one receiver. */
interface Queue {
  readonly source: Source;
  readonly proxy: Fd | undefined;
}

/** The receivers that calls on a socket wait for. */
export class Backpressure {
  readonly #queues = new Map<string, Queue>();

  constructor(socket: Fd) {
    socket.beforeClose(() => {
      // Closing a proxy wakes its waiters, which find the socket closed.
      for (const { source, proxy } of this.#queues.values()) {
        if (proxy === undefined) source.poke();
        else proxy.close();
      }
    });
  }

  /** Whether calls wait for that receiver, which others must not overtake. */
  isBusy(target: Uint8Array): boolean {
    return this.#queues.has(keyOf(target));
  }

  /** Sends when the receiver has space, after earlier calls. */
  send(
    target: Uint8Array<ArrayBuffer>,
    attempt: () => true | undefined,
    options: WaitOptions | undefined,
    subject: WaitSubject,
  ): Promise<true> {
    const key = keyOf(target);
    try {
      let queue = this.#queues.get(key);
      if (queue === undefined) {
        timeoutOf(options);
        options?.signal?.throwIfAborted();
        if (attempt()) return ready(true);
        queue = open(target);
        this.#queues.set(key, queue);
      }
      return this.#wait(key, queue, target, attempt, options, subject);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #wait(
    key: string,
    queue: Queue,
    target: Uint8Array<ArrayBuffer>,
    attempt: () => true | undefined,
    options: WaitOptions | undefined,
    subject: WaitSubject,
  ): Promise<true> {
    const { source, proxy } = queue;
    const again = () => {
      const done = attempt();
      // Another socket may be bound to the receiver's address by now.
      if (!done && proxy !== undefined) connect(proxy, target);
      return done;
    };
    try {
      return await waitUntil(again, options, subject, source);
    } finally {
      if (source.waiters.size === 0) {
        // Another call may have removed this queue already, and a third made a
        // new one.
        if (this.#queues.get(key) === queue) this.#queues.delete(key);
        proxy?.close();
      }
    }
  }
}

function keyOf(target: Uint8Array): string {
  return String.fromCharCode(...target);
}

function open(target: Uint8Array<ArrayBuffer>): Queue {
  const fd = sys_socket().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  // Without a descriptor for the proxy, poll.
  if (errnoOf(fd, errno[0]) !== 0) {
    return { source: new PollingSource(true), proxy: undefined };
  }
  const proxy = new Fd(INTERNAL, fd, "proxy of a receiver");
  connect(proxy, target);
  return { source: fdSource(proxy, "write"), proxy };
}

/** Ignores errors: the next send reports them. */
function connect(proxy: Fd, target: Uint8Array<ArrayBuffer>): void {
  if (proxy.closed) return;
  const number = proxy.use("connect");
  sys_socket().connect(number, target, target.length);
}
