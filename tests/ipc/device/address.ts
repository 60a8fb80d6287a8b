/** Devices for one test. */

import {
  type DeviceObject,
  inspect,
  WaveDevice,
  type WaveDeviceOptions,
} from "@libc/ipc/device";
import { struct } from "@libc/ipc/struct";
import { assertEquals } from "@std/assert";
import { type Child, spawnDeno, type SpawnDenoOptions } from "../../util.ts";

/** The `struct wave` that `@libc/ipc/device` describes for other languages. */
export const Wave = struct({
  state: "i32",
  waveform: "i32",
  value: "i32",
  time: "f64",
  period: "f64",
});

/**
 * A unique address in a new directory, which must have no objects at the end of
 * the scope: `await using place = await newPlace();`
 */
export async function newPlace(): Promise<Place> {
  for (;;) {
    const path = await Deno.makeTempDir({ prefix: "libc-ipc-device-" });
    const place = new Place(path);
    if (inspect(place.address).status === "none") return place;
    // The key contains only 16 bits of the inode number: this one is in use.
    await Deno.remove(path);
  }
}

/** See {@linkcode newPlace}. */
export class Place implements AsyncDisposable {
  readonly path: string;
  readonly projectId = "x";
  readonly #children: Child[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** The address, for whoever takes one. */
  get address(): { path: string; projectId: string } {
    return { path: this.path, projectId: this.projectId };
  }

  /** The address as a piece of TypeScript. */
  get code(): string {
    return JSON.stringify(this.address);
  }

  /** A device of this process. */
  create(options: Partial<WaveDeviceOptions> = {}): WaveDevice {
    return WaveDevice.create({
      waveform: "SIN",
      period: 2,
      interval: 0.001,
      ...this.address,
      ...options,
    });
  }

  /** What a device over POSIX calls its memory here, where none is now. */
  memoryName(): string {
    using _device = this.create({ transport: "posix" });
    const { objects } = inspect(this.address);
    const name = objects.find(({ kind }) => kind === "memory")?.name;
    if (name === undefined) throw new Error("The memory has no name");
    return name;
  }

  /** Another process, which imports everything of `@libc/ipc/device`. */
  spawn(code: string, options: SpawnDenoOptions = {}): Child {
    const child = spawnDeno(
      `
      import * as all from "@libc/ipc/device";
      const { WaveDevice, WaveClient, WaveControl, inspect, detach } = all;
      const address = ${this.code};
      // A test that is killed must not leave its children behind.
      const parent = Deno.ppid;
      Deno.unrefTimer(setInterval(() => {
        if (Deno.ppid !== parent) Deno.exit(1);
      }, 500));
      ${code}
    `,
      options,
    );
    this.#children.push(child);
    return child;
  }

  /** A device in another process, which runs and has said so. */
  async spawnDevice(options: Record<string, unknown> = {}): Promise<Child> {
    const child = this.spawn(`
      const device = WaveDevice.create({
        waveform: "SIN", period: 2, interval: 0.001, ...address,
        ...${JSON.stringify(options)},
      });
      const done = device.run();
      console.log("ready");
      console.log(JSON.stringify(await done));
    `);
    assertEquals(await child.line(), "ready");
    return child;
  }

  /** Nothing must be left under the key. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child[Symbol.asyncDispose]();
    const { status, objects } = inspect(this.address);
    if (status !== "none") {
      // Not through detach(), which may be broken.
      for (const object of objects) remove(object);
    }
    await Deno.remove(this.path, { recursive: true });
    // Printed as well, because the error of a disposal hides the original one.
    if (objects.length > 0) console.error("left behind:", objects);
    assertEquals(objects, [], "the test left objects behind");
  }
}

function remove({ kind, id, name }: DeviceObject): void {
  const flag = kind === "memory" ? "-m" : kind === "queue" ? "-q" : "-s";
  if (id !== undefined) {
    new Deno.Command("ipcrm", { args: [flag, `${id}`] }).outputSync();
  } else {
    Deno.removeSync(`/dev/shm${name}`);
  }
}
