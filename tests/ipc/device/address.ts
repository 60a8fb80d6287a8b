/** Devices that no other test knows. */

import { inspect, WaveDevice } from "@libc/ipc/device";
import { assertEquals } from "@std/assert";
import { type Child, source, spawnDeno } from "../../util.ts";

/**
 * An address of its own, in a directory of its own, which at the end of the
 * scope must be as it was: `await using place = await newPlace();`
 */
export async function newPlace(): Promise<Place> {
  return new Place(await Deno.makeTempDir({ prefix: "libc-ipc-device-" }));
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
  create(options: Partial<Parameters<typeof WaveDevice.create>[0]> = {}) {
    return WaveDevice.create({
      waveform: "SIN",
      period: 2,
      interval: 0.001,
      ...this.address,
      ...options,
    });
  }

  /** Another process, which imports everything of `@libc/ipc/device`. */
  spawn(code: string): Child {
    const child = spawnDeno(`
      import * as all from ${JSON.stringify(source("ipc/device/mod.ts"))};
      const { WaveDevice, WaveClient, WaveControl, inspect, detach } = all;
      const address = ${this.code};
      ${code}
    `);
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
      // Not through detach(), which may be what is broken.
      for (const { kind, id } of objects) remove(kind, id);
    }
    await Deno.remove(this.path, { recursive: true });
    assertEquals(objects, [], "the test left objects behind");
  }
}

function remove(kind: string, id: number | undefined): void {
  const flag = kind === "memory" ? "-m" : kind === "queue" ? "-q" : "-s";
  if (id !== undefined) {
    new Deno.Command("ipcrm", { args: [flag, `${id}`] }).outputSync();
  }
}
