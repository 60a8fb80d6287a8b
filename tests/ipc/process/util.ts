/** Helpers of the tests of processes and signals. */

import "../../settle_runtime.ts";
import type { Signal } from "@libc/ipc/signal";
import { type ChildProcess, spawn } from "@libc/ipc/spawn";
import { Child, denoArgs } from "../../util.ts";

/** A child of our `spawn()` that talks in lines. */
export type LineChild = Child<ChildProcess>;

/** A {@linkcode LineChild}, if its standard output is a pipe. */
export function lineChild(child: ChildProcess): LineChild {
  return new Child(child, { stdout: child.stdout?.readable });
}

/** Runs our program in another Deno process that blocks signals. */
export function denoWith(
  signalMask: Iterable<Signal>,
  code: string,
  ...permissions: string[]
): LineChild {
  return lineChild(
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

/** The children of this process, ended or not, and their states. */
function states(): Map<number, string> {
  const found = new Map<number, string>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${name}/stat`);
    } catch {
      continue;
    }
    const [state = "", parent] = stat.slice(stat.lastIndexOf(")") + 2)
      .split(" ");
    if (Number(parent) === Deno.pid) found.set(Number(name), state);
  }
  return found;
}

/**
 * All children of this process, ended or not, including those of other tests:
 * for processes that run nothing else.
 */
export function children(): number[] {
  return [...states().keys()];
}

/** Our children that have ended and are not reaped. */
export function zombies(pids: readonly number[]): number[] {
  const found = states();
  return pids.filter((pid) => found.get(pid) === "Z");
}
