/**
 * Child processes of the tools, none of which outlives its tool.
 *
 * Each begins a process group. SIGINT and SIGTERM end the groups, and a shell
 * waits to do the same when the tool itself has ended, also by SIGKILL.
 *
 * @module
 */

/** Kills the groups of the last line that it read when its input ends. */
const GUARD = "while read -r line; do groups=$line; done; kill -KILL $groups";

/** The processes that run, and the signal that ends them. */
const running = new Map<number, Deno.Signal>();
const interruption = new AbortController();

let guard: WritableStreamDefaultWriter<Uint8Array> | undefined;

/** Aborted when this process was asked to end; start nothing after that. */
export const interrupted: AbortSignal = interruption.signal;

/** Makes SIGINT and SIGTERM end the children instead of this process. */
export function catchSignals(): void {
  const interrupt = (): void => {
    interruption.abort();
    for (const [pid, signal] of running) killGroup(pid, signal);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
}

/** Kills a child, and what it started unless that left its group. */
function killGroup(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    // All of them have ended.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Says to the guard which groups there are. */
async function tellGuard(): Promise<void> {
  if (guard === undefined) {
    const child = new Deno.Command("sh", {
      args: ["-c", GUARD],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      // Out of reach of the terminal's Ctrl+C.
      detached: true,
    }).spawn();
    child.unref();
    guard = child.stdin.getWriter();
  }
  const groups = Array.from(running.keys(), (pid) => -pid).join(" ");
  await guard.write(new TextEncoder().encode(`${groups}\n`));
}

/**
 * Starts a child without input, and forgets it when it has ended. The signal is
 * the one to send it when this process is interrupted.
 */
export async function start(
  command: string,
  options: Deno.CommandOptions,
  signal: Deno.Signal = "SIGKILL",
): Promise<{ child: Deno.ChildProcess; ended: Promise<boolean> }> {
  const child = new Deno.Command(command, {
    stdin: "null",
    ...options,
    // A second after its start Deno would ask for a newer one, over the network,
    // by descriptors that come and go while a test counts its own.
    env: { DENO_NO_UPDATE_CHECK: "1", ...options.env },
    detached: true,
  }).spawn();
  const { pid } = child;
  running.set(pid, signal);
  // The request came while something else was waited for.
  if (interrupted.aborted) killGroup(pid);
  const ended = child.status.then(async ({ success }) => {
    // Whoever is left would hold its output open.
    killGroup(pid);
    running.delete(pid);
    await tellGuard();
    return success;
  });
  await tellGuard();
  return { child, ended };
}

/** How a child ended. */
export interface Ended {
  /** Whether it exited with 0. */
  success: boolean;
  /** What it wrote to standard output and standard error, as it came. */
  output: string;
  /** How long it ran. */
  seconds: number;
}

/** What {@linkcode run} does besides. */
export interface RunOptions {
  /**
   * Takes what the child writes to standard output, as it comes.
   *
   * @default {() => {}}
   */
  onStdout?: (text: string) => void;
  /**
   * Milliseconds after which a child is killed that says nothing.
   *
   * @default {Infinity}
   */
  patience?: number;
}

/** Runs a child to its end. */
export async function run(
  command: string,
  options: Deno.CommandOptions,
  { onStdout = () => {}, patience = Infinity }: RunOptions = {},
): Promise<Ended> {
  const begin = performance.now();
  const { child, ended } = await start(command, {
    ...options,
    stdout: "piped",
    stderr: "piped",
  });
  let output = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    if (patience === Infinity) return;
    timer = setTimeout(() => {
      output += `\nkilled after ${patience / 1000} s of silence\n`;
      killGroup(child.pid);
    }, patience);
  };
  const collect = async (
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    onText: (text: string) => void,
  ): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      wait();
      output += text;
      onText(text);
    }
  };
  wait();
  const [success] = await Promise.all([
    ended.finally(() => {
      clearTimeout(timer);
      patience = Infinity;
    }),
    collect(child.stdout, onStdout),
    collect(child.stderr, () => {}),
  ]);
  return { success, output, seconds: (performance.now() - begin) / 1000 };
}
