/**
 * Child processes of the tools, which never outlive their tool.
 *
 * Each child starts a process group. SIGINT and SIGTERM end the groups, and a
 * guard shell ends them when the tool itself has ended, even by SIGKILL.
 *
 * @module
 */

/** Reads lines, and kills the groups of the last one when its input ends. */
const GUARD = "while read -r line; do groups=$line; done; kill -KILL $groups";

/** The running processes, and the signal to end them with. */
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

/** Kills a child and its descendants in the same group. */
function killGroup(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    // All of them have ended.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Tells the guard the current groups. */
async function tellGuard(): Promise<void> {
  if (guard === undefined) {
    const child = new Deno.Command("sh", {
      args: ["-c", GUARD],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      // Unaffected by the terminal's Ctrl+C.
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
 * sent to it when this process is interrupted.
 */
export async function start(
  command: string,
  options: Deno.CommandOptions,
  signal: Deno.Signal = "SIGKILL",
): Promise<{ child: Deno.ChildProcess; ended: Promise<boolean> }> {
  const child = new Deno.Command(command, {
    stdin: "null",
    ...options,
    // A second after its start Deno would check for an update over the network,
    // with descriptors that appear and vanish while a test counts its own.
    env: { DENO_NO_UPDATE_CHECK: "1", ...options.env },
    detached: true,
  }).spawn();
  const { pid } = child;
  running.set(pid, signal);
  // The interruption came during another wait.
  if (interrupted.aborted) killGroup(pid);
  const ended = child.status.then(async ({ success }) => {
    // Remaining processes of the group would hold its output open.
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
  /** Its standard output and standard error, in order of arrival. */
  output: string;
  /** How long it ran. */
  seconds: number;
}

/** Options of {@linkcode run}. */
export interface RunOptions {
  /**
   * Called with the child's standard output as it arrives.
   *
   * @default {() => {}}
   */
  onStdout?: (text: string) => void;
  /**
   * Milliseconds without output after which the child is killed.
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
