/** Child processes that talk in lines, and threads. */

import { IpcError } from "@libc/ipc/errno";

const CONFIG = new URL("../deno.json", import.meta.url);

/** How a {@linkcode Child} ended. */
export interface Ended {
  /** Its exit code; 128 and the signal's number when a signal ended it. */
  code: number;
  /** The signal that ended it. */
  signal: string | null;
  /** The lines of its standard output that {@linkcode Child.line} left. */
  stdout: string;
  /** All of its standard error. */
  stderr: string;
}

/**
 * The interface that a {@linkcode Child} needs of a process, Deno's or ours.
 */
export interface Process extends AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** How it ended. */
  readonly status: Promise<{ code: number; signal: string | null }>;
  /** Sends it a signal. */
  kill(signal: Sent): void;
}

/** The signals that tests send to children. */
export type Sent =
  | "SIGCONT"
  | "SIGHUP"
  | "SIGINT"
  | "SIGKILL"
  | "SIGSTOP"
  | "SIGTERM"
  | "SIGUSR2"
  | "SIGWINCH";

/** The streams of a {@linkcode Child} that are pipes to this process. */
export interface Streams {
  /** Its standard input. */
  stdin?: WritableStream<Uint8Array> | undefined;
  /** Its standard output. */
  stdout?: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** Its standard error. */
  stderr?: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
}

/**
 * A child process that talks in lines. It ends with its scope, by SIGKILL if
 * necessary: `await using child = spawnDeno(code);`
 */
export class Child<P extends Process = Deno.ChildProcess>
  implements AsyncDisposable {
  /** The process itself. */
  readonly process: P;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #text = "";
  #errors = "";

  constructor(process: P, { stdin, stdout, stderr }: Streams) {
    this.process = process;
    this.#writer = stdin?.getWriter();
    this.#reader = (stdout ?? new Blob().stream())
      .pipeThrough(new TextDecoderStream()).getReader();
    this.#stderr = this.#readErrors(stderr ?? new Blob().stream());
  }

  async #readErrors(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Promise<string> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#errors += text;
    }
    return this.#errors;
  }

  /** What it has written to its standard error so far. */
  get errors(): string {
    return this.#errors;
  }

  /** Its process id. */
  get pid(): number {
    return this.process.pid;
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

  /** All further lines of its standard output, up to its end. */
  async lines(): Promise<string[]> {
    const text = await this.#rest();
    return text === "" ? [] : text.replace(/\n$/, "").split("\n");
  }

  /** Writes a line to its standard input. */
  async write(line: string): Promise<void> {
    await this.#writer?.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Sends it a signal; does nothing when it is gone. */
  kill(signal: Sent = "SIGKILL"): void {
    try {
      this.process.kill(signal);
    } catch (error) {
      // Deno throws a TypeError for a process that it has already reaped.
      if (
        !(error instanceof TypeError || error instanceof Deno.errors.NotFound ||
          error instanceof IpcError && error.code === "ESRCH")
      ) throw error;
    }
  }

  /** Closes its standard input, waits for its end and returns how it ended. */
  async end(): Promise<Ended> {
    await this.#writer?.close().catch(() => {});
    const stdout = await this.#rest();
    const [{ code, signal }, stderr] = await Promise.all([
      this.process.status,
      this.#stderr,
    ]);
    return { code, signal, stdout, stderr };
  }

  async #rest(): Promise<string> {
    let text = this.#text;
    this.#text = "";
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return text;
      text += value;
    }
  }

  /** Kills it, if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.end();
    await this.process[Symbol.asyncDispose]();
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
   * Variables to add to this process's environment.
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
 * The arguments for Deno to run a TypeScript program that may use FFI.
 *
 * @param code The program, or its location.
 */
export function denoArgs(
  code: string | URL,
  ...permissions: string[]
): string[] {
  // Deno accepts either all permissions or single ones.
  const all = permissions.includes("--allow-all");
  return runArgs(code, [...all ? [] : ["--allow-ffi"], ...permissions]);
}

function runArgs(code: string | URL, permissions: string[]): string[] {
  return [
    "run",
    "--quiet",
    "--no-lock",
    `--config=${CONFIG.pathname}`,
    ...permissions,
    code instanceof URL
      ? code.href
      : `data:application/typescript,${encodeURIComponent(code)}`,
  ];
}

/**
 * Runs a TypeScript program in another Deno process. It can import
 * `@libc/ipc`, its subpaths, and by `file:` URLs (see {@linkcode source}).
 *
 * @param code The program, or its location.
 */
export function spawnDeno(
  code: string | URL,
  options: SpawnDenoOptions = {},
): Child {
  const { permissions = ["--allow-ffi"], args = [] } = options;
  return spawnCommand(Deno.execPath(), {
    ...options,
    args: [...runArgs(code, permissions), ...args],
  });
}

/** Runs a program in another process. */
export function spawnCommand(
  command: string,
  options: SpawnOptions = {},
): Child {
  const { args = [], env = {}, cwd } = options;
  const process = new Deno.Command(command, {
    args,
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Child(process, process);
}

/** A thread of this process, see {@linkcode spawnWorker}. */
export interface Thread extends Disposable {
  /** The next value that it posted; rejects when it failed. */
  next(): Promise<unknown>;
}

/**
 * Runs a JavaScript program in a Worker, with imports as {@linkcode spawnDeno}.
 * It must not be in a blocking call when disposed, since nothing can end that
 * from outside.
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
