/** Programs that test several classes, one after the other. */

import { assertEquals, assertExists } from "@std/assert";
import type { Signal } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { denoArgs } from "../util.ts";

/** The number of classes per process, whose start takes longer than they do. */
const COMPANY = 20;

/** What such a program prints, as a line of JSON for each of its arguments. */
export interface Result {
  /** The argument. */
  name: string;
}

/** Gives the result for a name. */
export type Find<R extends Result> = (name: string) => Promise<R>;

/**
 * Distributes names among programs, each of which starts when its first result
 * is requested.
 *
 * @param program A file of this folder, which runs with `gc()`.
 * @param signalMask Signals that the programs block.
 */
export function inCompany<R extends Result>(
  program: string,
  names: readonly string[],
  signalMask: Iterable<Signal> = [],
): Find<R> {
  const running = new Map<number, Promise<R[]>>();
  return async (name) => {
    const group = Math.floor(names.indexOf(name) / COMPANY);
    const start = group * COMPANY;
    const results = running.get(group) ??
      run<R>(program, names.slice(start, start + COMPANY), signalMask);
    running.set(group, results);
    const found = (await results).find((result) => result.name === name);
    assertExists(found);
    return found;
  };
}

async function run<R>(
  program: string,
  names: string[],
  signalMask: Iterable<Signal>,
): Promise<R[]> {
  // Not Deno.Command, which cannot block a signal.
  await using child = spawn(Deno.execPath(), {
    args: [
      ...denoArgs(
        new URL(program, import.meta.url),
        "--allow-all",
        "--v8-flags=--expose-gc",
      ),
      ...names,
    ],
    // The folder that becomes private to the program.
    env: { TMPDIR: "/tmp" },
    signalMask,
    fds: { 0: "null", 1: "pipe", 2: "pipe" },
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout?.readable).text(),
    new Response(child.stderr?.readable).text(),
  ]);
  const { code, signal } = await child.status;
  assertEquals({ code, signal }, { code: 0, signal: null }, stdout + stderr);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}
