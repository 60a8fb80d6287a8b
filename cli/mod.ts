/**
 * The command `ipc`: a simulated device, its clients, and its tools.
 *
 * ```sh
 * deno run --allow-ffi jsr:@libc/ipc/cli device SIN 2
 * deno run --allow-ffi jsr:@libc/ipc/cli client --plot
 * ```
 *
 * `deno install --global --allow-ffi --name ipc jsr:@libc/ipc/cli` installs it
 * as a command; `ipc --help` shows more.
 *
 * @example Run it from a program
 * ```ts
 * import { main } from "@libc/ipc/cli";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--version"]), 0);
 * ```
 *
 * @module
 */

import { IpcError } from "@libc/ipc/errno";
import { clientCommand } from "./commands/client.ts";
import { ctlCommand } from "./commands/ctl.ts";
import { demoCommand } from "./commands/demo.ts";
import { detachCommand } from "./commands/detach.ts";
import { deviceCommand } from "./commands/device.ts";
import { Failure, messageOf, UsageError } from "./errors.ts";
import { helpText, type HelpTopic, isHelpTopic } from "./help.ts";
import { Output } from "./output.ts";
import { VERSION } from "./version.ts";

type Command = (args: readonly string[], output: Output) => Promise<number>;

const COMMANDS: Readonly<Record<Exclude<HelpTopic, "ipc">, Command>> = {
  device: deviceCommand,
  client: clientCommand,
  ctl: ctlCommand,
  detach: detachCommand,
  demo: demoCommand,
};

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/**
 * Runs the command line `ipc ARGS…` on this process's standard streams, and
 * returns its exit code: 0 done, 1 failed, 2 wrong usage. Never rejects.
 *
 * While it runs, it listens for SIGINT, SIGTERM and SIGHUP.
 */
export async function main(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  const known = Object.hasOwn(COMMANDS, name);
  const output = new Output(known ? `ipc ${name}` : "ipc");
  let code: number;
  try {
    code = known
      ? await COMMANDS[name as keyof typeof COMMANDS](rest, output)
      : general(name, rest, output);
  } catch (error) {
    code = explain(error, known ? `ipc ${name}` : "ipc", output);
  }
  await output.flush();
  return output.failed ? FAILED : code;
}

function general(name: string, rest: string[], output: Output): number {
  switch (name) {
    case "--version":
    case "version":
      output.line(`ipc ${VERSION}`);
      return DONE;
    case "--help":
    case "-h":
      output.line(helpText("ipc"));
      return DONE;
    case "help": {
      const [topic = "ipc"] = rest;
      if (!isHelpTopic(topic)) {
        throw new UsageError(`no help about ${JSON.stringify(topic)}`);
      }
      output.line(helpText(topic));
      return DONE;
    }
    case "":
      throw new UsageError(
        `a command is missing: ${Object.keys(COMMANDS).join(", ")}`,
      );
    default:
      throw new UsageError(
        `unknown ${name.startsWith("-") ? "option" : "command"} ${name}`,
      );
  }
}

/** Reports an error and returns the exit code. */
function explain(error: unknown, command: string, output: Output): number {
  if (error instanceof UsageError) {
    output.note(error.message);
    output.note(`try "${command} --help"`);
    return WRONG_USAGE;
  }
  if (
    error instanceof IpcError || error instanceof Failure ||
    error instanceof Deno.errors.NotCapable
  ) {
    output.note(error.message);
    const hint = error instanceof IpcError ? hintFor(error, command) : "";
    if (hint !== "") output.note(hint);
    return FAILED;
  }
  // A bug in this program: show the stack.
  output.note(
    `internal error: ${
      error instanceof Error ? error.stack ?? error.message : messageOf(error)
    }`,
  );
  return FAILED;
}

function hintFor({ code, syscall }: IpcError, command: string): string {
  // There is no key yet: the path is wrong, not the device.
  if (syscall === "ftok") return "";
  const reads = command === "ipc client";
  if (command === "ipc device" && code === "EACCES" && syscall === "semctl") {
    return "another user has this key: take another --path or --proj";
  }
  if (!reads && command !== "ipc ctl") return "";
  switch (code) {
    case "ENOENT":
      return `start one with "ipc device SIN 2"${
        reads ? ", or wait for one with --wait" : ""
      }; both need the same --path and --proj`;
    case "EOWNERDEAD":
      return '"ipc detach" removes what it left';
    case "EACCES":
      return 'a device lets others in with "ipc device --mode 666"';
    case "ETIMEDOUT":
      return reads ? "" : "the device may still carry it out";
    default:
      return "";
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
