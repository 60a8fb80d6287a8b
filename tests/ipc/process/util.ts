/** What the tests of processes and signals share. */

import "../../settle_runtime.ts";
import type { Signal } from "@libc/ipc/signal";
import { type ChildProcess, spawn } from "@libc/ipc/spawn";

const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** Arguments with which Deno runs a program of ours. */
export function denoArgs(code: string, ...permissions: string[]): string[] {
  return [
    "run",
    "--quiet",
    "--no-lock",
    `--config=${CONFIG}`,
    "--allow-ffi",
    ...permissions,
    `data:application/typescript,${encodeURIComponent(code)}`,
  ];
}

/** A child of our `spawn()` that talks in lines. */
export class LineChild implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(child: ChildProcess) {
    this.child = child;
    const bytes = child.stdout?.readable ?? new ReadableStream();
    this.#reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.child.pid;
  }

  /** The next line that it prints; undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** All further lines. */
  async lines(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) return lines;
      lines.push(line);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** Runs our program in another Deno process that blocks signals. */
export function denoWith(
  signalMask: Iterable<Signal>,
  code: string,
  ...permissions: string[]
): LineChild {
  return new LineChild(
    spawn(Deno.execPath(), {
      args: denoArgs(code, ...permissions),
      signalMask,
      fds: { 0: "pipe", 1: "pipe" },
      killSignal: "SIGKILL",
    }),
  );
}

/** All of what a program prints. */
export async function output(
  command: string,
  options: Parameters<typeof spawn>[1] = {},
): Promise<string> {
  using child = spawn(command, {
    ...options,
    fds: { 1: "pipe", ...options.fds },
  });
  const text = await new Response(child.stdout?.readable).text();
  await child.status;
  return text;
}

/** The descriptors of a process, this one by default. */
export function descriptors(pid: number | "self" = "self"): string[] {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => name);
}

/** What other test files of this process have left, when this one began. */
const before = new Set(allZombies());

/** The children of this process that have become zombies since. */
export function zombies(): number[] {
  return allZombies().filter((pid) => !before.has(pid));
}

function allZombies(): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${name}/stat`);
    } catch {
      continue;
    }
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" && Number(parent) === Deno.pid) found.push(Number(name));
  }
  return found;
}

/** Resolves after so many milliseconds. */
export function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
