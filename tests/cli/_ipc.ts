/** Runs the command `ipc` in a process of its own. */

import { detach, inspect } from "@libc/ipc/device";
import { type Child, spawnCommand } from "../util.ts";

const PROGRAM = new URL("../../cli/mod.ts", import.meta.url).pathname;

/** How a run of `ipc` ended. */
export interface Run {
  /** The exit code. */
  code: number;
  /** Standard output. */
  stdout: string;
  /** Standard error. */
  stderr: string;
}

/** Options of {@linkcode ipc} and {@linkcode startIpc}. */
export interface RunOptions {
  /** Variables to add to this process's environment. */
  env?: Record<string, string>;
  /** Working directory. */
  cwd?: string;
  /** Permissions; `--allow-ffi` by default. */
  permissions?: string[];
  /** The content of standard input; empty by default. */
  stdin?: string;
}

/** The command line that runs `ipc`, for a shell. */
export function ipcCommand(permissions: string[] = ["--allow-ffi"]): string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    ...permissions,
    PROGRAM,
  ];
}

/** Starts `ipc` and leaves it to the caller. */
export function startIpc(
  args: readonly string[],
  { env = {}, cwd, permissions }: RunOptions = {},
): Child {
  const [command = "", ...rest] = ipcCommand(permissions);
  return spawnCommand(command, {
    args: [...rest, ...args],
    env,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Runs `ipc` to its end. */
export async function ipc(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run> {
  await using child = startIpc(args, options);
  const { stdin = "" } = options;
  for (const line of stdin.split("\n").filter(Boolean)) await child.write(line);
  return await child.end();
}

/** Runs a shell script in which `$IPC` is the command. */
export async function shell(
  script: string,
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Run> {
  await using child = spawnCommand("sh", {
    ...options,
    args: ["-c", script],
    env: { IPC: ipcCommand().join(" "), ...options.env },
  });
  return await child.end();
}

/** A directory, and so a key, for one test. */
export class Place implements Disposable {
  /** The directory. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "libc-ipc-cli-" });
  /** The options that name it. */
  readonly args: readonly string[] = ["--path", this.path];

  /** The status of its key: `none`, `alive`, `dead` or `foreign`. */
  get status(): string {
    return inspect({ path: this.path }).status;
  }

  /** Removes the objects that a failed test has left. */
  [Symbol.dispose](): void {
    detach({ path: this.path, force: true });
    Deno.removeSync(this.path, { recursive: true });
  }
}

/**
 * Starts a device and waits until it is on. It ends at the latest with this
 * process, when its standard input ends.
 */
export async function startDevice(
  place: Place,
  args: readonly string[] = ["SIN", "2"],
): Promise<Child> {
  const device = startIpc([
    "device",
    ...args,
    "--json",
    "--exit-on-eof",
    ...place.args,
  ]);
  try {
    await device.line();
    return device;
  } catch (error) {
    await device[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Ends a device of {@linkcode startDevice} by a signal; returns its exit code
 * and its last line.
 */
export async function endDevice(
  device: Child,
  signal: "SIGHUP" | "SIGTERM",
): Promise<{ code: number; summary: Record<string, unknown> }> {
  device.kill(signal);
  // Wait before closing its input, which would end it as well: the signal may
  // arrive later, when nothing listens for it any more.
  const summary = JSON.parse(await device.line());
  const { code } = await device.end();
  return { code, summary };
}

/** The lines of a text, without the end of the last. */
export function lines(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}
