import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { until, watchdog } from "../util.ts";
import { ipcCommand, lines, Place, startDevice } from "./_ipc.ts";
import {
  NEEDS_SCRIPT,
  NEEDS_TMUX,
  Terminal,
  type TerminalOptions,
  Tmux,
} from "./_terminal.ts";

const ESC = "\x1b";
const ENTER = `${ESC}[?1049h`;
const LEAVE = `${ESC}[?1049l`;
const HIDE_CURSOR = `${ESC}[?25l`;
const SHOW_CURSOR = `${ESC}[?25h`;
const COLOUR = `${ESC}[32m`;
const SQUARE = ["QUA", "1", "--interval", "0.01"];
const ignore = NEEDS_SCRIPT !== "";

function terminal(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<Terminal> {
  return Terminal.start([...ipcCommand(), ...args], options);
}

/** Returns a text without its escape sequences. */
function plain(text: string): string {
  return text.split(ESC).map((part, i) =>
    i ? part.replace(/^\[[?\d;]*[a-zA-Z]/, "") : part
  ).join("");
}

/** Returns the lines of the newest frame. */
function lastFrame(text: string): string[] {
  const frame = text.split(`${ESC}[?2026h`).at(-1) ?? "";
  return plain(frame.split(`${ESC}[?2026l`)[0] ?? "").split("\r\n");
}

/** Asserts that a plot has restored everything it changed. */
function assertRestored(screen: Terminal, what: string): void {
  const { output, end } = screen;
  assertEquals(end.restored, true, `${what}: settings of the terminal`);
  for (
    const [on, off] of [[ENTER, LEAVE], [HIDE_CURSOR, SHOW_CURSOR], [
      `${ESC}[?7l`,
      `${ESC}[?7h`,
    ]] as const
  ) {
    assert(output.includes(on), `${what}: ${JSON.stringify(on)}`);
    assert(
      output.lastIndexOf(off) > output.lastIndexOf(on),
      `${what}: ${JSON.stringify(off)}`,
    );
  }
}

/** The ways to end a plot, each with its exit code in the name. */
const WAYS_OUT: Record<
  string,
  (screen: Terminal, device: { kill(signal?: Deno.Signal): void }) => unknown
> = {
  "the key q, with 0": (screen) => screen.type("q"),
  "the key Escape, with 0": (screen) => screen.type(ESC),
  "Ctrl-C, with 0": (screen) => screen.type("\x03"),
  "SIGTERM, with 0": (screen) => Deno.kill(screen.pid, "SIGTERM"),
  "SIGHUP, with 0": (screen) => Deno.kill(screen.pid, "SIGHUP"),
  "a device that goes off, with 0": (_, device) => device.kill("SIGTERM"),
  "a device that dies, with 1": (_, device) => device.kill("SIGKILL"),
};

for (const [way, leave] of Object.entries(WAYS_OUT)) {
  Deno.test({
    name: `ipc client --plot restores the terminal after ${way}${NEEDS_SCRIPT}`,
    ignore,
    async fn() {
      using _dog = watchdog(`plot and ${way}`);
      using place = new Place();
      await using device = await startDevice(place, [
        "SIN",
        "0.5",
        "--interval",
        "0.01",
      ]);
      await using screen = await terminal(["client", "--plot", ...place.args]);
      await screen.see(/ SIN {2}.*q quits/);
      await leave(screen, device);
      await screen.ended();
      assertRestored(screen, way);
      assertEquals(screen.end.code, way.endsWith("1") ? 1 : 0);
    },
  });
}

Deno.test({
  name:
    `ipc client --plot restores the terminal when it reaches its count${NEEDS_SCRIPT}`,
  ignore,
  async fn() {
    using _dog = watchdog("plot and count");
    using place = new Place();
    await using _device = await startDevice(place, [
      "SIN",
      "0.5",
      "--interval",
      "0.01",
    ]);
    await using screen = await terminal([
      "client",
      "--plot",
      "--count",
      "30",
      ...place.args,
    ]);
    await screen.ended();
    assertRestored(screen, "count");
    assertStringIncludes(
      screen.output,
      `${LEAVE}ipc client: 30 samples, 0 lost`,
    );
  },
});

Deno.test({
  name:
    `ipc client --plot fits the terminal, also when its size changes${NEEDS_SCRIPT}`,
  ignore,
  async fn() {
    using _dog = watchdog("plot and size");
    using place = new Place();
    await using _device = await startDevice(place, [
      "SIN",
      "0.5",
      "--interval",
      "0.01",
    ]);
    await using screen = await terminal(["client", "--plot", ...place.args], {
      columns: 60,
      rows: 12,
    });
    await screen.see(/q quits/);
    for (
      const [columns, rows] of [[60, 12], [100, 30], [24, 8], [20, 4], [5, 2], [
        1,
        1,
      ], [80, 24]] as const
    ) {
      const from = screen.text.length;
      const { success } = await new Deno.Command("stty", {
        args: [
          "-F",
          screen.path,
          "cols",
          String(columns),
          "rows",
          String(rows),
        ],
      }).output();
      assert(success);
      // The first frames after it may still have the old size.
      const fits = (frame: string[]) =>
        frame.length === (rows < 3 ? 1 : rows) &&
        frame.every((line) => unicodeWidth(line) <= columns) &&
        (rows < 8 || frame.some((line) => unicodeWidth(line) === columns));
      await until(() =>
        screen.text.slice(from).split(`${ESC}[?2026l`).slice(1, -1).some((
          part,
        ) => fits(lastFrame(part)))
      );
    }
    const from = screen.text.length;
    await screen.see(/\+512┤[^]*q quits/, from);
    await screen.type("q");
    await screen.ended();
    assertRestored(screen, "size");
  },
});

Deno.test({
  name:
    `ipc client colours on a terminal, but not with NO_COLOR${NEEDS_SCRIPT}`,
  ignore,
  async fn() {
    using _dog = watchdog("NO_COLOR");
    using place = new Place();
    await using _device = await startDevice(place);
    for (const args of [["--count", "2"], ["--plot", "--count", "2"]]) {
      await using coloured = await terminal(
        ["client", ...args, ...place.args],
        {
          env: { NO_COLOR: "" },
        },
      );
      await coloured.ended();
      assertStringIncludes(coloured.output, COLOUR);
      await using bare = await terminal(["client", ...args, ...place.args], {
        env: { NO_COLOR: "1" },
      });
      await bare.ended();
      assertMatch(bare.output, / on /);
      // Without colours, a plot still moves the cursor.
      assertEquals(
        bare.output.split(ESC).filter((part) => /^\[[\d;]*m/.test(part)),
        [],
      );
    }
  },
});

Deno.test({
  name:
    `ipc client prints a header on a terminal, and plain JSON${NEEDS_SCRIPT}`,
  ignore,
  async fn() {
    using _dog = watchdog("client header");
    using place = new Place();
    await using _device = await startDevice(place);
    await using text = await terminal([
      "client",
      "--count",
      "2",
      ...place.args,
    ]);
    await text.ended();
    assertMatch(
      plain(text.output),
      /^ +TIME s +VALUE +STATE +WAVE +PERIOD s\r\n/,
    );
    await using json = await terminal([
      "client",
      "--json",
      "--count",
      "2",
      ...place.args,
    ]);
    await json.ended();
    for (const line of lines(json.output.replaceAll("\r", ""))) {
      JSON.parse(line);
    }
    assertEquals(lines(json.output).length, 2);
  },
});

Deno.test({
  name:
    `ipc device prompts at a terminal and does what is typed${NEEDS_SCRIPT}`,
  ignore,
  async fn() {
    using _dog = watchdog("prompt");
    using place = new Place();
    await using screen = await terminal(["device", "SIN", "2", ...place.args], {
      env: { NO_COLOR: "1" },
    });
    const enter = async (line: string, answer: RegExp) => {
      const from = screen.text.length;
      await screen.type(`${line}\r`);
      await screen.see(answer, from);
    };
    await screen.see(/on: SIN[^]*HW_WAVE> $/);
    await enter("help", /config SETTING=VALUE[^]*HW_WAVE> $/);
    await enter("stop", /\r\npaused: SIN[^]*HW_WAVE> $/);
    await enter("bogus", /ipc device: command must be[^]*HW_WAVE> $/);
    await enter(
      "config period=0.5",
      /\r\npaused: SIN, period 0\.5 s[^]*HW_WAVE> $/,
    );
    await enter("config", /waveform \[SIN\]: $/);
    // An invalid value is asked for again at once.
    await enter(
      "foo",
      /waveform must be one of .*, got "foo"\r\nwaveform \[SIN\]: $/,
    );
    await enter("tri", /period \[0\.5\]: $/);
    await enter("", /interval \[0\.1\]: $/);
    await enter("0.01", /bits \[10\]: $/);
    await enter(
      "",
      /paused: TRI, period 0\.5 s, interval 0\.01 s, 10 bits\r\nHW_WAVE> $/,
    );
    await enter("start", /\r\non: TRI[^]*HW_WAVE> $/);
    await enter("status", /\r\nstate {5}on\r\n[^]*HW_WAVE> $/);
    await screen.type("exit\r");
    await screen.ended();
    // Typing errors were reported on the screen and do not make it fail.
    assertEquals(screen.end, { code: 0, restored: true });
    assertMatch(screen.output, /\r\noff: \d+ samples? /);
    assertEquals(place.status, "none");
  },
});

for (
  const [name, keys] of [["Ctrl-D", "\x04"], ["Ctrl-C", "sta\x03"], [
    "Ctrl-D amid config",
    "config\r\r\x04",
  ]] as const
) {
  Deno.test({
    name: `ipc device ends cleanly at ${name}${NEEDS_SCRIPT}`,
    ignore,
    async fn() {
      using _dog = watchdog(name);
      using place = new Place();
      await using screen = await terminal([
        "device",
        "SIN",
        "2",
        ...place.args,
      ]);
      await screen.see(/HW_WAVE> $/);
      await screen.type(keys);
      await screen.ended();
      assertEquals(screen.end, { code: 0, restored: true });
      // On its own line, not after the prompt.
      assertMatch(screen.output, /\r\noff: \d+ samples? /);
      assertEquals(place.status, "none");
    },
  });
}

Deno.test({
  name:
    `ipc device removes everything when its terminal hangs up${NEEDS_SCRIPT}`,
  ignore,
  async fn() {
    using _dog = watchdog("hang up");
    using place = new Place();
    await using screen = await terminal(["device", "SIN", "2", ...place.args]);
    await screen.see(/HW_WAVE> $/);
    assertEquals(place.status, "alive");
    await screen[Symbol.asyncDispose]();
    await until(() => place.status === "none");
    assertEquals(place.status, "none");
  },
});

Deno.test({
  name:
    `ipc client --plot shows a wave on the screen, and then the screen as it was${NEEDS_TMUX}`,
  ignore: NEEDS_TMUX !== "",
  async fn() {
    using _dog = watchdog("tmux");
    using place = new Place();
    await using _device = await startDevice(place, SQUARE);
    await using tmux = await Tmux.start();
    await tmux.type(
      `clear; echo before; ${ipcCommand().join(" ")} client --plot ${
        place.args.join(" ")
      }`,
      "Enter",
    );
    await tmux.see(/QUA.*q quits/);
    // Both levels of the square wave, and an edge between them.
    await tmux.see(/^ \+512┤.*⠉⠉⠉/m);
    await tmux.see(/^ -512┤.*⣀⣀⣀/m);
    await tmux.type("q");
    await tmux.see(/^before\nipc client: \d+ samples, 0 lost\n[#$] /m);
    assertEquals(
      await tmux.ask("#{cursor_flag} #{alternate_on} #{wrap_flag}"),
      "1 0 1",
    );
  },
});

for (const task of [false, true]) {
  const how = task ? "deno task client" : "ipc client";
  Deno.test({
    name:
      `${how} --plot gives the terminal back while Ctrl-Z stops it${NEEDS_TMUX}`,
    ignore: NEEDS_TMUX !== "",
    async fn() {
      using _dog = watchdog("Ctrl-Z");
      using place = new Place();
      await using _device = await startDevice(place, SQUARE);
      await using tmux = await Tmux.start();
      const command = task
        ? `${Deno.execPath()} task --quiet client`
        : `${ipcCommand().join(" ")} client`;
      await tmux.type(
        `clear; ${command} --plot ${place.args.join(" ")}; echo "code $?"`,
        "Enter",
      );
      await tmux.see(/QUA.*q quits/);
      await tmux.stopJob();
      assertEquals(await tmux.ask("#{cursor_flag} #{alternate_on}"), "1 0");
      await tmux.type("clear; stty -a | tr -s ' ;' '\\n\\n'", "Enter");
      await tmux.see(/^icanon\n(.*\n)*echo\n/m);
      await tmux.type("clear; fg", "Enter");
      await tmux.see(/QUA.*q quits/);
      await tmux.type("q");
      await tmux.see(/^ipc client: \d+ samples/m);
      assertEquals(await tmux.ask("#{cursor_flag} #{alternate_on}"), "1 0");
    },
  });
}
