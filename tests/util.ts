/** What many tests need: unique names, child processes, a watchdog. */

const CONFIG = new URL("../deno.json", import.meta.url);
const RANDOM = new Uint32Array(1);
/** In an emulator a watchdog waits so many times longer. */
const PATIENCE = 5;
/** And what is done many times is done so many times less often. */
const HASTE = 20;
let serial = 0;

/**
 * The architecture of the kernel and, where this process runs in a user-mode
 * emulator, of all other programs.
 */
export const MACHINE: string = machine();

/**
 * Whether this process runs in a user-mode emulator: what is slow is done less
 * often there, see {@linkcode scaled}.
 */
export const EMULATED: boolean = MACHINE !== Deno.build.arch;

function machine(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/arch").trim();
  } catch {
    // Before Linux 6.1, or not permitted.
    return Deno.build.arch;
  }
}

/**
 * The name of a test that no emulator passes, and whether to skip it:
 * `Deno.test({ ...notEmulated("a test", "has no mq_notify"), fn() {} })`.
 *
 * @param why What the emulator has not, or does in another way.
 */
export function notEmulated(
  name: string,
  why: string,
): { name: string; ignore: boolean } {
  const skipped = EMULATED ? ` [skipped: the emulator ${why}]` : "";
  return { name: name + skipped, ignore: EMULATED };
}

/** Why tests that read the signals that threads block are skipped. */
export const NO_SIGNAL_MASKS: string = EMULATED
  ? " [skipped: the emulator shows its own signal masks]"
  : "";

/** How often to do something that is to be done so often: less in an emulator. */
export function scaled(count: number): number {
  return EMULATED ? Math.ceil(count / HASTE) : count;
}

/**
 * A name that nothing else on the machine has, letters and digits only. Put a
 * slash before it for a POSIX object.
 */
export function uniqueName(prefix = "libc-ipc-test"): string {
  crypto.getRandomValues(RANDOM);
  return `${prefix}-${Deno.pid}-${serial++}-${RANDOM[0]?.toString(36)}`;
}

/** A System V key that nothing else on the machine has. */
export function uniqueKey(): number {
  crypto.getRandomValues(RANDOM);
  // Not 0, which is IPC_PRIVATE, and away from the keys of ftok.
  return 0x6000_0000 | ((RANDOM[0] ?? 0) & 0x0fff_ffff);
}

/** Whether a program is in the PATH. */
export function hasCommand(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Resolves when a condition holds, which it looks at every few milliseconds:
 * for what the kernel tells nobody about, such as a process that has begun to
 * block. Without a time limit: a {@linkcode watchdog} ends a stuck test.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  while (!await condition()) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Ends this process when a test is stuck, also in a call that blocks its
 * thread. `using _dog = watchdog("what hangs");`
 */
export function watchdog(what: string, seconds = 60): Disposable {
  const limit = seconds * 1000 * (EMULATED ? PATIENCE : 1);
  const code = `setTimeout(() => {
    console.error(${JSON.stringify(`watchdog: stuck in ${what}`)});
    Deno.kill(Deno.pid, "SIGKILL");
  }, ${limit});`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const worker = new Worker(url, { type: "module" });
  return { [Symbol.dispose]: () => worker.terminate() };
}

/**
 * Resolves when a thread is asleep inside a call, such as `msgrcv`.
 *
 * @param task A process id, for its main thread, or `pid/task/tid`.
 */
export function untilBlocked(
  task: number | string,
  call: string,
): Promise<void> {
  const read = (file: string) => Deno.readTextFileSync(`/proc/${task}/${file}`);
  let asleep = 0;
  let before = NaN;
  return until(() => {
    if (saysWhere()) return read("wchan").includes(call);
    // Then asleep for a while must do.
    const stat = read("stat");
    const now = sleeps(task);
    const sleeping = stat.slice(stat.lastIndexOf(")") + 2).startsWith("S");
    asleep = sleeping && now === before ? asleep + 1 : 0;
    before = now;
    return asleep > 20;
  });
}

/** Whether this kernel says in which call a thread sleeps. */
function saysWhere(): boolean {
  return Deno.readDirSync("/proc/self/task").some(({ name }) =>
    Deno.readTextFileSync(`/proc/self/task/${name}/wchan`) !== "0"
  );
}

/** How often a thread has gone to sleep: what polls, does so again and again. */
export function sleeps(task: number | string): number {
  const status = Deno.readTextFileSync(`/proc/${task}/status`);
  return Number(/^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)?.[1]);
}

/** How a {@linkcode Child} ended. */
export interface Ended {
  /** Its exit code; 128 and the signal's number when a signal ended it. */
  code: number;
  /** The signal that ended it. */
  signal: Deno.Signal | null;
  /** The lines of its standard output that {@linkcode Child.line} left. */
  stdout: string;
  /** All of its standard error. */
  stderr: string;
}

/**
 * A child process that talks in lines. Its end, by SIGKILL if need be, is the
 * end of the scope: `await using child = spawnDeno(code);`
 */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #text = "";
  #errors = "";

  constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#reader = process.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    this.#stderr = this.#readErrors(process.stderr);
  }

  async #readErrors(stream: ReadableStream<Uint8Array>): Promise<string> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#errors += decoder.decode(chunk, { stream: true });
    }
    return this.#errors;
  }

  /** What it has written to its standard error so far. */
  get errors(): string {
    return this.#errors;
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /**
   * The next line of its standard output.
   *
   * @throws {Error} When it ended without one, with its standard error.
   */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new Error(`child ended early: ${await this.#stderr}`);
      }
      this.#text += value;
    }
  }

  /** Writes a line to its standard input. */
  async write(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Sends it a signal; nothing when it is gone. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      // Deno says TypeError of a process that it has already waited for.
      if (
        !(error instanceof TypeError || error instanceof Deno.errors.NotFound)
      ) throw error;
    }
  }

  /** Closes its standard input, waits for its end and says how it was. */
  async end(): Promise<Ended> {
    await this.#writer.close().catch(() => {});
    let stdout = this.#text;
    this.#text = "";
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      stdout += value;
    }
    const [{ code, signal }, stderr] = await Promise.all([
      this.#process.status,
      this.#stderr,
    ]);
    return { code, signal, stdout, stderr };
  }

  /** Kills it, if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.end();
  }
}

/** Options of {@linkcode spawnDeno} and {@linkcode spawnCommand}. */
export interface SpawnOptions {
  /**
   * Arguments of the program.
   *
   * @default {[]}
   */
  args?: string[];
  /**
   * Variables on top of this process's environment.
   *
   * @default {{}}
   */
  env?: Record<string, string>;
  /**
   * Working directory.
   *
   * @default {string} this process's
   */
  cwd?: string;
}

/** Options of {@linkcode spawnDeno}. */
export interface SpawnDenoOptions extends SpawnOptions {
  /**
   * Permissions to run with.
   *
   * @default {["--allow-ffi"]}
   */
  permissions?: string[];
}

/**
 * Runs a TypeScript program in another Deno process. It can import
 * `@libc/ipc`, its subpaths, and by `file:` URLs (see {@linkcode source}).
 */
export function spawnDeno(code: string, options: SpawnDenoOptions = {}): Child {
  const { permissions = ["--allow-ffi"], args = [] } = options;
  return spawnCommand(Deno.execPath(), {
    ...options,
    args: [
      "run",
      "--quiet",
      "--no-lock",
      `--config=${CONFIG.pathname}`,
      ...permissions,
      `data:application/typescript,${encodeURIComponent(code)}`,
      ...args,
    ],
  });
}

/** Runs a program in another process. */
export function spawnCommand(
  command: string,
  options: SpawnOptions = {},
): Child {
  const { args = [], env = {}, cwd } = options;
  return new Child(
    new Deno.Command(command, {
      args,
      env,
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

/** A thread of this process, see {@linkcode spawnWorker}. */
export interface Thread extends Disposable {
  /** The next thing that it posted; rejected when it failed. */
  next(): Promise<unknown>;
}

/**
 * Runs a JavaScript program in a Worker, with imports as {@linkcode spawnDeno}.
 * It must have ended any blocking call when it is disposed, since nothing can
 * end that from outside.
 */
export function spawnWorker(code: string): Thread {
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const worker = new Worker(url, { type: "module" });
  const posted: unknown[] = [];
  let wake = () => {};
  let failure: Error | undefined;
  worker.onmessage = (event) => {
    posted.push(event.data);
    wake();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    failure = new Error(event.message);
    wake();
  };
  return {
    async next() {
      while (posted.length === 0 && failure === undefined) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      if (posted.length === 0) throw failure;
      return posted.shift();
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}

/** The URL of a file of this repository, for a child's `import`. */
export function source(path: string): string {
  return new URL(`../${path}`, import.meta.url).href;
}
