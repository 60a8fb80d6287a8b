/**
 * Sending and receiving.
 *
 * @module
 */

import { integer, shown } from "../core/convert/argument.ts";
import { payloadOf } from "../core/convert/bytes.ts";
import { Fd } from "../core/handle/fd.ts";
import type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
import { promised } from "./_direction.ts";
import { SocketHandle } from "./handle.ts";
import {
  type FdMessage,
  receiveFdsOnce,
  receiveOnce,
  type ReceiveSizeOptions,
  sending,
  sendingFds,
  sizeOf,
} from "./_io.ts";
import { MAX_FDS } from "./_msghdr.ts";

/** Something that has a descriptor to send, or the descriptor itself. */
export type FdSendable = Fd | { readonly fd: Fd };

/**
 * Sends and receives. See {@linkcode Socket}.
 *
 * Waiting calls are served in order and never overtaken: while an asynchronous
 * call waits, its `try…` form reports that it would have to wait, and its
 * `…Sync` form throws a `TypeError`.
 *
 * A message is sent whole or not at all, and a receive that is aborted or times
 * out has taken nothing. An aborted send on a stream may have sent a part,
 * which `writer.bytesWritten` counts.
 */
export abstract class SocketMessages extends SocketHandle
  implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  /**
   * `send`: sends all bytes of a stream, or one message, waiting for
   * writability.
   *
   * The receiver may take an empty `"seqpacket"` message for the end.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @param data Bytes, which must not change during the call, or text to send
   * as UTF-8.
   * @throws {IpcError} `ETIMEDOUT`; `EPIPE` or `ECONNRESET` when the peer is
   * gone, `ENOTCONN`, `EMSGSIZE` when a message is longer than the option
   * `sendBuffer` allows, `ECONNREFUSED` for datagrams without a receiver.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  send(data: Uint8Array | string, options?: WaitOptions): Promise<void> {
    if (this.type === "stream") return this.writer.write(data, options);
    return promised(() =>
      this.output.async(
        sending(this, payloadOf(data)),
        options,
        this.subject("send", "send to"),
      )
    );
  }

  /**
   * `send`: as {@linkcode send}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  sendSync(data: Uint8Array | string, options?: SyncWaitOptions): void {
    if (this.type === "stream") return this.writer.writeSync(data, options);
    this.output.sync(
      sending(this, payloadOf(data)),
      options,
      this.subject("send", "send to"),
    );
  }

  /**
   * `send`: as {@linkcode send}, for messages, without waiting; false when it
   * is not writable. A stream has `writer.tryWrite()`, which can send a part.
   *
   * @throws {TypeError} When it is a stream, or closed.
   */
  trySend(data: Uint8Array | string): boolean {
    if (this.type === "stream") this.refuse("trySend", "writer.tryWrite");
    return this.output.now(
      sending(this, payloadOf(data)),
      this.subject("send", "send to"),
    ) ?? false;
  }

  /**
   * `recv`: receives the next bytes of a stream, or the next message; null at
   * the end.
   *
   * The end comes when the peer has closed or shut down its sending direction,
   * or after `shutdown("read")` here; datagrams have only the latter. Empty
   * `"seqpacket"` messages followed by nothing are taken for the end.
   *
   * The kernel discards descriptors that come with a message: use
   * {@linkcode receiveFds}.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `ECONNRESET`, `ENOTCONN` or `EINVAL` without
   * a peer, `EMSGSIZE` when the message was longer than `maxSize`.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  receive(
    options: ReceiveSizeOptions & WaitOptions = {},
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    return promised(() =>
      this.input.async(
        this.#receiving(options),
        options,
        this.subject("recv", "receive from"),
      )
    );
  }

  /**
   * `recv`: as {@linkcode receive}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  receiveSync(
    options: ReceiveSizeOptions & SyncWaitOptions = {},
  ): Uint8Array<ArrayBuffer> | null {
    return this.input.sync(
      this.#receiving(options),
      options,
      this.subject("recv", "receive from"),
    );
  }

  /**
   * `recv`: as {@linkcode receive}, without waiting; undefined when there is
   * nothing.
   */
  tryReceive(
    options: ReceiveSizeOptions = {},
  ): Uint8Array<ArrayBuffer> | null | undefined {
    return this.input.now(
      this.#receiving(options),
      this.subject("recv", "receive from"),
    );
  }

  /**
   * `recv`: receives messages, or chunks of a stream, to the end. Leaving the
   * loop early loses nothing and closes nothing.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<
    Uint8Array<ArrayBuffer>,
    void,
    void
  > {
    for (;;) {
      const data = await this.receive();
      if (data === null) return;
      yield data;
    }
  }

  /**
   * `sendmsg(SCM_RIGHTS)`: sends descriptors with data. The receiver gets
   * duplicates; the originals stay open here.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @param fds From 1 to 253 descriptors, or objects with a descriptor.
   * @param data At least one byte. On a stream, the descriptors arrive with the
   * first byte.
   * @throws {IpcError} As {@linkcode send}; `ETOOMANYREFS` when more
   * descriptors are in flight than this user may have open.
   * @throws {TypeError} When it is not a Unix socket, or anything is closed,
   * even during the wait.
   */
  sendFds(
    fds: readonly FdSendable[],
    data: Uint8Array | string = "\0",
    options?: WaitOptions,
  ): Promise<void> {
    return promised(() =>
      this.output.async(
        this.#sendingFds(fds, data),
        options,
        this.subject("sendmsg", "send to"),
      )
    );
  }

  /**
   * `sendmsg(SCM_RIGHTS)`: as {@linkcode sendFds}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  sendFdsSync(
    fds: readonly FdSendable[],
    data: Uint8Array | string = "\0",
    options?: SyncWaitOptions,
  ): void {
    this.output.sync(
      this.#sendingFds(fds, data),
      options,
      this.subject("sendmsg", "send to"),
    );
  }

  /**
   * `recvmsg`: receives data and the descriptors that come with it; null at the
   * end, as {@linkcode receive}.
   *
   * A stranger can send any number of descriptors of any kind: check them
   * before use, and close them.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} As `receive`.
   * @throws {TypeError} When it is not a Unix socket, or is closed, even during
   * the wait.
   */
  receiveFds(
    options: ReceiveSizeOptions & WaitOptions = {},
  ): Promise<FdMessage | null> {
    return promised(() =>
      this.input.async(
        this.#receivingFds(options),
        options,
        this.subject("recvmsg", "receive from"),
      )
    );
  }

  /**
   * `recvmsg`: as {@linkcode receiveFds}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  receiveFdsSync(
    options: ReceiveSizeOptions & SyncWaitOptions = {},
  ): FdMessage | null {
    return this.input.sync(
      this.#receivingFds(options),
      options,
      this.subject("recvmsg", "receive from"),
    );
  }

  /**
   * `recvmsg`: as {@linkcode receiveFds}, without waiting; undefined when there
   * is nothing.
   */
  tryReceiveFds(
    options: ReceiveSizeOptions = {},
  ): FdMessage | null | undefined {
    return this.input.now(
      this.#receivingFds(options),
      this.subject("recvmsg", "receive from"),
    );
  }

  #receiving(
    options: ReceiveSizeOptions,
  ): () => Uint8Array<ArrayBuffer> | null | undefined {
    const size = sizeOf(this.type, options);
    if (this.type !== "stream") return () => receiveOnce(this, size);
    const { reader } = this;
    return () => reader.take(size);
  }

  #receivingFds(
    options: ReceiveSizeOptions,
  ): () => FdMessage | null | undefined {
    this.needUnix("receive descriptors from", "pass them");
    const size = sizeOf(this.type, options);
    return () => receiveFdsOnce(this, size);
  }

  #sendingFds(
    fds: readonly FdSendable[],
    data: Uint8Array | string,
  ): () => true | undefined {
    this.needUnix("send descriptors to", "pass them");
    if (!Array.isArray(fds)) {
      throw new TypeError(`fds must be an array, got ${shown(fds)}`);
    }
    integer(fds.length, "the number of descriptors", 1, MAX_FDS);
    const handles = fds.map(handleOf);
    const payload = payloadOf(data);
    if (payload.length === 0) {
      throw new RangeError("data must be at least one byte, got none");
    }
    const writer = this.type === "stream" ? this.writer : undefined;
    return sendingFds(this, handles, payload, (count) => {
      this.output.source.advanced = true;
      if (writer !== undefined) writer.moved += count;
    });
  }
}

function handleOf(item: FdSendable): Fd {
  const handle = item instanceof Fd ? item : item?.fd;
  if (handle instanceof Fd) return handle;
  throw new TypeError(
    `fds must hold descriptors or what has one, got ${shown(item)}`,
  );
}
