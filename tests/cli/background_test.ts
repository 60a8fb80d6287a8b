/** Jobs that a shell starts or continues in the background of a terminal. */

import { assertEquals, assertMatch } from "@std/assert";
import { inspect } from "@libc/ipc/device";
import { later, until, watchdog } from "../util.ts";
import { ipcCommand, Place, startDevice } from "./_ipc.ts";
import { NEEDS_TMUX, Tmux } from "./_terminal.ts";

const IPC = ipcCommand().join(" ");

/** Sends SIGTSTP to a device, as `deno task` may do long after SIGCONT. */
async function passOnLate(place: Place): Promise<void> {
  const { device: { pid } = { pid: 0 } } = inspect({ path: place.path });
  await until(() =>
    !/\) [tT] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`))
  );
  await later(500);
  Deno.kill(pid, "SIGTSTP");
}

// A task has two processes; a terminal stops only one of them.
for (const task of [true, false]) {
  const how = (command: string) => `${task ? "deno task" : "ipc"} ${command}`;
  const command = (name: string) =>
    task ? `${Deno.execPath()} task --quiet ${name}` : `${IPC} ${name}`;

  Deno.test({
    name: `${
      how("device")
    } runs on in the background, and reads again in the foreground${NEEDS_TMUX}`,
    ignore: NEEDS_TMUX !== "",
    async fn() {
      using _dog = watchdog("bg of a device");
      using place = new Place();
      await using tmux = await Tmux.start();
      const where = place.args.join(" ");
      await tmux.type(`clear; ${command("device")} TRI 1 ${where}`, "Enter");
      await tmux.see(/^HW_WAVE> /m);
      await tmux.stopJob();
      await tmux.type("bg", "Enter");
      if (task) await passOnLate(place);
      const ask = `${IPC} ctl status ${where} | grep state; echo "en""d"`;
      await tmux.type(`clear; ${ask}`, "Enter");
      await tmux.see(/\bend$/m);
      assertMatch(await tmux.screen(), /^state +on$/m);
      await tmux.type("fg", "Enter");
      await tmux.seeForeground();
      await tmux.type("config bits=5", "Enter");
      // Text typed before the prompt appears is shown before it.
      await tmux.see(/on: TRI.* 5 bits *\nHW_WAVE> /);
      await tmux.type("exit", "Enter");
      await tmux.see(/^off: /m);
      assertEquals(place.status, "none");
    },
  });

  Deno.test({
    name: `${
      how("client")
    } --plot runs on unseen in the background${NEEDS_TMUX}`,
    ignore: NEEDS_TMUX !== "",
    async fn() {
      using _dog = watchdog("bg of a plot");
      using place = new Place();
      await using device = await startDevice(place);
      await using tmux = await Tmux.start();
      const plot = `${command("client")} --plot ${place.args.join(" ")}`;
      await tmux.type(`clear; ${plot} --count 3 &`, "Enter");
      await tmux.see(/ipc client: 3 samples/);
      await tmux.type(`clear; ${plot} &`, "Enter");
      await tmux.type("fg", "Enter");
      await tmux.see(/SIN.*q quits/);
      await tmux.type("q");
      // Until it has ended it may read input meant for the shell.
      await tmux.see(/ipc client: \d+ samples[^]*^[#$] /m);
      await tmux.type(`clear; ${plot}`, "Enter");
      await tmux.see(/SIN.*q quits/);
      await tmux.stopJob();
      await tmux.type("clear; bg", "Enter");
      await tmux.see(/client/);
      device.kill("SIGTERM");
      await tmux.see(/ipc client: the device went off/);
      assertEquals(await tmux.ask("#{cursor_flag} #{alternate_on}"), "1 0");
    },
  });
}
