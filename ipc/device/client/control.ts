/**
 * Commands to a running device: {@linkcode WaveControl}.
 *
 * @module
 */

import {
  corruptError,
  ERRNO,
  hasCode,
  IpcError,
  isGone,
} from "../../../ffi/errno.ts";
import { type Key, keyText } from "../../core/convert/key.ts";
import { showing } from "../../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../../core/handle/internal.ts";
import { timeoutOf, type WaitOptions } from "../../core/wait/options.ts";
import { PollingSource } from "../../core/wait/source.ts";
import { waitUntil } from "../../core/wait/wait.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { deviceError, type Place, placeOf } from "../address.ts";
import {
  type DeviceCommand,
  formatRequest,
  MAX_REPLY,
  parseAnswer,
  parseCommand,
  REQUEST,
} from "../command.ts";
import { died, findDevice } from "../presence/find.ts";
import type { Liveness } from "../presence/liveness.ts";
import type { DeviceAddress, DeviceStatus, WaveChanges } from "../types.ts";

/** The default timeout for an answer, in milliseconds. */
const TIMEOUT = 5000;

/**
 * Sends commands to a device in any process and waits for the answers.
 *
 * A device answers within about 20 milliseconds. Several controls may send at
 * once; each gets its own answers. The caller needs write permission for the
 * queue, which by default only programs of the same user have.
 *
 * @example Pause and resume
 * ```ts
 * import { WaveControl, WaveDevice } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const address = { path: Deno.makeTempDirSync() };
 *
 * // This would be another process.
 * using device = WaveDevice.create({ ...address, waveform: "SIN", period: 2 });
 * const done = device.run();
 *
 * using control = WaveControl.open(address);
 * assertEquals((await control.stop()).state, "paused");
 * assertEquals((await control.config({ waveform: "TRI" })).waveform, "TRI");
 * assertEquals((await control.start()).state, "on");
 * await control.exit();
 * await done;
 * Deno.removeSync(address.path);
 * ```
 */
export class WaveControl implements Disposable {
  readonly #place: Place;
  readonly #queue: SysvMessageQueue;
  readonly #liveness: Liveness;
  readonly #pid: number;
  readonly #source = new PollingSource();
  #closed = false;

  private constructor(
    token: unknown,
    place: Place,
    queue: SysvMessageQueue,
    liveness: Liveness,
    pid: number,
  ) {
    onlyInternal(token, "WaveControl");
    this.#place = place;
    this.#queue = queue;
    this.#liveness = liveness;
    this.#pid = pid;
  }

  /**
   * `msgget`: opens the command queue of a device.
   *
   * See [msgget(2)](https://man7.org/linux/man-pages/man2/msgget.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is no device, `EOWNERDEAD` when it
   * has died, `EOPNOTSUPP` when it is foreign and takes no commands, `EACCES`
   * without permission.
   */
  static open(address: DeviceAddress = {}): WaveControl {
    const place = placeOf(address);
    const { segment, kind, liveness, pid } = findDevice(place, undefined);
    segment[Symbol.dispose]();
    try {
      if (kind.kind === "plain") {
        throw deviceError(
          "EOPNOTSUPP",
          "msgget",
          `Cannot command ${place.label}: it takes no commands, since ${kind.why}`,
        );
      }
      return new WaveControl(INTERNAL, place, openQueue(place), liveness, pid);
    } catch (error) {
      liveness[Symbol.dispose]();
      throw error;
    }
  }

  /** The key of the device. */
  get key(): Key {
    return this.#place.key;
  }

  /** Whether this control is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * `msgsnd`, `msgrcv`: sends a command and waits for the answer: the status of
   * the device after it. The device carries out the command even if its answer
   * comes too late.
   *
   * See [msgop(2)](https://man7.org/linux/man-pages/man2/msgop.2.html).
   *
   * @param command A command, or its text (see {@linkcode parseCommand}).
   * @throws {IpcError} `ETIMEDOUT` after 5 seconds by default; `EOWNERDEAD`
   * when the device dies during the call, `EIDRM` when it ends without an
   * answer, `EINVAL` when it refuses the command, `EBADMSG` when the answer is
   * invalid.
   * @throws {TypeError} When it is not a command, or the control is closed.
   * @throws {RangeError} When a setting is out of its range.
   */
  async send(
    command: DeviceCommand | string,
    options: WaitOptions = {},
  ): Promise<DeviceStatus> {
    this.#checkOpen();
    const parsed = typeof command === "string"
      ? parseCommand(command)
      : command;
    const reply = replyType();
    const request = formatRequest(reply, parsed);
    timeoutOf(options);
    const limited = { ...options, timeout: options.timeout ?? TIMEOUT };
    let sent = false;
    const attempt = () => {
      this.#checkOpen();
      if (!sent) {
        this.#checkAlive();
        // The queue may be full for a moment.
        sent = this.#queue.trySend(REQUEST, request);
      }
      const answer = sent ? this.#queue.tryReceive({ type: reply }) : undefined;
      // Check the queue first: an ending device removes it before it is gone.
      if (answer === undefined) this.#checkAlive();
      return answer?.data;
    };
    try {
      const data = await waitUntil(attempt, limited, {
        syscall: "msgrcv",
        action: `get an answer to ${parsed.name} from`,
        object: this.#place.label,
      }, this.#source);
      return this.#read(data);
    } catch (error) {
      if (!isGone(error)) throw error;
      throw new IpcError(
        `Cannot command ${this.#place.label}: it ended before it answered (EIDRM)`,
        { errno: ERRNO.EIDRM, syscall: "msgrcv", cause: error },
      );
    }
  }

  /** `start`: resumes producing. */
  start(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "start" }, options);
  }

  /** `stop`: pauses. */
  stop(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "stop" }, options);
  }

  /** `config`: changes the settings. */
  config(changes: WaveChanges, options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "config", changes }, options);
  }

  /** `status`: reads the status. */
  status(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "status" }, options);
  }

  /** `exit`: ends the device. */
  exit(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "exit" }, options);
  }

  /** Closes this handle. The device keeps running. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#liveness[Symbol.dispose]();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new TypeError("Cannot send by a closed control of a device");
    }
  }

  #checkAlive(): void {
    if (!this.#liveness.lives()) throw died(this.#place, this.#pid, "command");
  }

  #read(data: Uint8Array): DeviceStatus {
    const answer = parseAnswer(data);
    if (answer === undefined) {
      throw corruptError(
        "msgrcv",
        "command",
        this.#place.label,
        "its answer is not to be understood",
      );
    }
    if (answer.ok) return answer.status;
    throw deviceError(
      "EINVAL",
      "msgrcv",
      `Cannot command ${this.#place.label}: ${answer.message}`,
    );
  }
}

showing(WaveControl, ({ key }) => ({ key: keyText(key) }));

function openQueue(place: Place): SysvMessageQueue {
  try {
    return SysvMessageQueue.open(place.key, { mode: 0o600 });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    throw deviceError(
      "ENOENT",
      "msgget",
      `Cannot command ${place.label}: its command queue is gone`,
    );
  }
}

/** A random message type, so that no other pending request has it. */
function replyType(): number {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return REQUEST + 1 + random % (MAX_REPLY - REQUEST);
}
