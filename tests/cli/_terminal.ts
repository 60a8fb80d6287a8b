/** Programs under a terminal of their own, made by `script` or by `tmux`. */

import { hasCommand, until } from "../util.ts";

/** The suffix of a test's name when it cannot run. */
export const NEEDS_SCRIPT: string = hasCommand("script")
  ? ""
  : " [skipped: script of util-linux is not installed]";

/** The suffix of a test's name when it cannot run. */
export const NEEDS_TMUX: string = hasCommand("tmux")
  ? ""
  : " [skipped: tmux is not installed]";

/** Prints what a test waits for in vain, before its watchdog ends it. */
function clue(text: () => string): Disposable {
  const timer = setTimeout(() => console.error(text()), 30_000);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Options of {@linkcode Terminal.start}. */
export interface TerminalOptions {
  /** Width in characters. */
  columns?: number;
  /** Height in characters. */
  rows?: number;
  /** Variables to add to this process's environment. */
  env?: Record<string, string>;
}

/**
 * Runs a command and records its terminal output, with its process id, the
 * settings of the terminal before and after, and its exit code around it.
 */
export class Terminal implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #text = "";

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Starts a command in a terminal and waits until the terminal is ready. */
  static async start(
    command: readonly string[],
    { columns = 80, rows = 24, env = {} }: TerminalOptions = {},
  ): Promise<Terminal> {
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    const script = [
      // Ctrl-C is for the command; the shell survives to print its exit code.
      "trap : INT",
      `stty cols ${columns} rows ${rows}`,
      `echo "tty=$(tty) before=$(stty -g)"`,
      `sh -c 'echo "pid=$$"; exec "$@"' sh ${quoted.join(" ")}`,
      `echo "code=$? after=$(stty -g)"`,
    ].join("; ");
    const terminal = new Terminal(
      new Deno.Command("script", {
        args: ["--quiet", "--flush", "--command", script, "/dev/null"],
        // Shells differ, so avoid the user's.
        env: { SHELL: "/bin/sh", TERM: "xterm-256color", ...env },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
    );
    await terminal.see(/pid=\d+\r\n/);
    return terminal;
  }

  /** All that was written to the terminal so far. */
  get text(): string {
    return this.#text;
  }

  /** The output of the command alone. */
  get output(): string {
    return this.#text
      .replace(/^[^]*?pid=\d+\r\n/, "")
      .replace(/code=\d+ after=[^]*$/, "");
  }

  /** The process id of the command. */
  get pid(): number {
    return Number(this.#field("pid"));
  }

  /** The device file of the terminal. */
  get path(): string {
    return this.#field("tty");
  }

  /** The exit code of the command, and whether the terminal is as before. */
  get end(): { code: number; restored: boolean } {
    return {
      code: Number(this.#field("code")),
      restored: this.#field("before") === this.#field("after"),
    };
  }

  /** Waits until a pattern appears after a position in the text. */
  async see(pattern: RegExp, from = 0): Promise<void> {
    let over = false;
    this.#reading.then(() => over = true);
    using _clue = clue(() => `no ${pattern} in ${JSON.stringify(this.#text)}`);
    await until(() => over || pattern.test(this.#text.slice(from)));
    if (!pattern.test(this.#text.slice(from))) {
      throw new Error(
        `ended without ${pattern}: ${JSON.stringify(this.#text)}`,
      );
    }
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(keys));
  }

  /** Waits until the command has ended and everything was read. */
  async ended(): Promise<void> {
    await this.see(/code=\d+ after=\S+\r\n/);
    await this.#reading;
    await this.#process.status;
  }

  /** Ends all remaining processes. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      // Deno throws a TypeError for a process that it has already reaped.
      if (
        !(error instanceof TypeError || error instanceof Deno.errors.NotFound)
      ) throw error;
    }
    await this.#input.close().catch(() => {});
    await this.#reading;
    await this.#process.status;
  }

  #field(name: string): string {
    return new RegExp(`\\b${name}=(\\S+)`).exec(this.#text)?.[1] ?? "";
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      this.#text += decoder.decode(chunk, { stream: true });
    }
  }
}

/** The threads of a process, as folders of `/proc`. */
function threads(pid: number): string[] {
  const folder = `/proc/${pid}/task`;
  return Array.from(
    Deno.readDirSync(folder),
    ({ name }) => `${folder}/${name}`,
  );
}

/** The children of a process, and theirs. */
function descendants(pid: number): number[] {
  return threads(pid).flatMap((path) =>
    Deno.readTextFileSync(`${path}/children`).split(" ").filter(Boolean)
  ).flatMap((child) => [Number(child), ...descendants(Number(child))]);
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** A shell with job control in a terminal with a readable screen. */
export class Tmux implements AsyncDisposable {
  /** The folder of its server's socket, which outlives the server. */
  readonly #folder = Deno.makeTempDirSync({ prefix: "libc-ipc-tmux-" });

  private constructor() {}

  /** Starts a shell at the root of the repository. */
  static async start(): Promise<Tmux> {
    const tmux = new Tmux();
    const size = ["-x", "70", "-y", "15"];
    await tmux.#run("new-session", "-d", "-c", ROOT, ...size, "sh -i");
    await tmux.see(/^[#$] *$/m);
    return tmux;
  }

  /** Presses keys, by their tmux names, or types a text. */
  async type(...keys: string[]): Promise<void> {
    await this.#run("send-keys", ...keys);
  }

  /** Waits until a pattern appears on the screen. */
  async see(pattern: RegExp): Promise<void> {
    let screen = "";
    using _clue = clue(() => `no ${pattern} on the screen:\n${screen}`);
    await until(async () => pattern.test(screen = await this.screen()));
  }

  /**
   * Presses Ctrl-Z and waits until the shell reads the keyboard. A job that is
   * about to stop still reads, on a busy machine for long.
   */
  async stopJob(): Promise<void> {
    await this.type("C-z");
    await this.see(/(Stopped|Suspended)[^]*^[#$] /m);
    const shell = Number(await this.ask("#{pane_pid}"));
    await until(() =>
      descendants(shell).flatMap(threads).every((path) =>
        /\) [tT] /.test(Deno.readTextFileSync(`${path}/stat`))
      )
    );
  }

  /** Waits until a job and not the shell reads the keyboard. */
  async seeForeground(): Promise<void> {
    const shell = await this.ask("#{pane_pid}");
    await until(() => {
      const stat = Deno.readTextFileSync(`/proc/${shell}/stat`);
      const [, , group, , , reader] = stat.slice(stat.lastIndexOf(")") + 2)
        .split(" ");
      return group !== reader;
    });
  }

  /** The text on the screen. */
  screen(): Promise<string> {
    return this.#run("capture-pane", "-p", "-N");
  }

  /** Asks tmux about the terminal, in its format. */
  async ask(format: string): Promise<string> {
    return (await this.#run("display-message", "-p", format)).trim();
  }

  /** Ends everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#run("kill-server");
    } finally {
      Deno.removeSync(this.#folder, { recursive: true });
    }
  }

  async #run(...args: string[]): Promise<string> {
    const { stdout, stderr, success } = await new Deno.Command("tmux", {
      args: ["-S", `${this.#folder}/socket`, "-f", "/dev/null", ...args],
      env: { LC_ALL: "C.UTF-8", ENV: "" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }
}
