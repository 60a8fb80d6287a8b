/** The device and its clients, for the table of all handles. */

import { WaveClient, WaveControl, WaveDevice } from "@libc/ipc";
import { define, type HandleCase } from "./handle_case.ts";

// No other device can have this key: the folder belongs to this process.
let folder: string | undefined;

function address(): { path: string } {
  if (folder === undefined) {
    folder = Deno.makeTempDirSync({ prefix: "libc_ipc_handles_" });
    const made = folder;
    addEventListener("unload", () => Deno.removeSync(made));
  }
  return { path: folder };
}

const device = () =>
  WaveDevice.create({ waveform: "SIN", period: 1, ...address() });

/** The classes of the device. */
export const deviceHandles: Record<string, HandleCase> = {
  WaveDevice: define<WaveDevice>({
    make: device,
    use: (made) => made.status(),
    uses: [
      (made) => made.run(),
      (made) => made.start(),
      (made) => made.pause(),
      (made) => made.configure({ period: 2 }),
      (made) => made.beginConfiguration(),
      (made) => made.execute("status"),
    ],
    rounds: 100,
  }),
  WaveClient: define<WaveClient>({
    make() {
      using made = device();
      made.start();
      return WaveClient.open(address());
    },
    use: (client) => client.foreign,
    uses: [
      (client) => client.settings,
      (client) => client.silence,
      (client) => client.read(),
      (client) => client.readings().next(),
      (client) => client.follow().next(),
    ],
    rounds: 100,
  }),
  WaveControl: define<WaveControl>({
    make() {
      using _made = device();
      return WaveControl.open(address());
    },
    use: (control) => control.key,
    uses: [
      (control) => control.send({ name: "status" }),
      (control) => control.start(),
      (control) => control.stop(),
      (control) => control.config({ period: 2 }),
      (control) => control.status(),
      (control) => control.exit(),
    ],
    rounds: 100,
  }),
};
