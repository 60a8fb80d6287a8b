/**
 * Commanding a running device: {@linkcode WaveControl}.
 *
 * @module
 */

import type { WaitOptions } from "../../ffi/core/_argument.ts";
import type { Key } from "../../ffi/core/_sysv.ts";
import type { DeviceCommand } from "./command.ts";
import type { DeviceAddress, DeviceStatus, WaveChanges } from "./types.ts";

/** Sends commands to a device of any process and waits for the answers. */
export class WaveControl implements Disposable {
  private constructor() {}

  /**
   * Opens the command queue of a device.
   *
   * @throws {IpcError} `ENOENT` when there is no device, `EOWNERDEAD` when it
   * has died, `EOPNOTSUPP` when it is foreign and takes no commands, `EACCES`.
   */
  static open(address: DeviceAddress = {}): WaveControl {
    void address;
    return new WaveControl();
  }

  /** The key of the device. */
  get key(): Key {
    throw new TypeError("not yet");
  }

  /** Whether this control is closed. */
  get closed(): boolean {
    throw new TypeError("not yet");
  }

  /**
   * Sends a command and waits for the answer: the state of the device after it.
   *
   * @param command A command, or its text (see {@linkcode parseCommand}).
   * @throws {IpcError} `ETIMEDOUT` (after 5 seconds unless told otherwise),
   * `EOWNERDEAD` when the device dies meanwhile, `EINVAL` when it refuses.
   */
  send(
    command: DeviceCommand | string,
    options: WaitOptions = {},
  ): Promise<DeviceStatus> {
    void command;
    void options;
    throw new TypeError("not yet");
  }

  /** `start`: goes on producing. */
  start(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "start" }, options);
  }

  /** `stop`: pauses. */
  stop(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "stop" }, options);
  }

  /** `config`: changes what is produced. */
  config(changes: WaveChanges, options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "config", changes }, options);
  }

  /** `status`: what it is doing. */
  status(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "status" }, options);
  }

  /** `exit`: ends the device. */
  exit(options?: WaitOptions): Promise<DeviceStatus> {
    return this.send({ name: "exit" }, options);
  }

  /** Gives up this handle. The device goes on. */
  close(): void {}

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
