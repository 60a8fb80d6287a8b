/**
 * Starting programs: {@linkcode spawn}.
 *
 * ```ts
 * import { spawn } from "@libc/ipc/spawn";
 *
 * const child = spawn("sh", { args: ["-c", "echo hello >&3"], fds: { 3: 1 } });
 * const { code, signal } = await child.status;
 * console.log(code, signal); // 0 null
 * ```
 *
 * A child gets exactly the descriptors that it is given, may start with signals
 * blocked, and is waited for in any case.
 *
 * @module
 */

import { fcntl } from "../../ffi/libc/fcntl.ts";
import { sys_stat } from "../../ffi/libc/sys_stat.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { integer, shown } from "../../ffi/core/_argument.ts";
import { inheritableFd } from "../../ffi/core/_fd_flags.ts";
import { INTERNAL } from "../../ffi/core/_internal.ts";
import { SpawnCall } from "../../ffi/core/_spawn_call.ts";
import type { FdPlace } from "../../ffi/core/_spawn_plan.ts";
import type { EnvironmentChanges } from "../../ffi/core/_spawn_strings.ts";
import { FdReader, FdWriter } from "../../ffi/core/byte_stream.ts";
import { ChildProcess } from "../../ffi/core/child_process.ts";
import { cpath, pathString } from "../../ffi/core/cstring.ts";
import { check0, ERRNO, errnoOf, ipcError } from "../../ffi/core/errno.ts";
import { Fd } from "../../ffi/core/fd.ts";
import { stat } from "../../ffi/core/layouts.ts";
import {
  F_GETFD,
  F_GETFL,
  O_CLOEXEC,
  O_NONBLOCK,
  S_IFIFO,
  S_IFMT,
} from "../../ffi/core/platform.ts";
import { disposition } from "../../ffi/core/signal_action.ts";
import {
  type Signal,
  signalNumber,
  signalNumbers,
} from "../../ffi/core/signals.ts";

export { ChildProcess, type ChildStatus } from "../../ffi/core/child_process.ts";
export { FdReader, FdWriter } from "../../ffi/core/byte_stream.ts";
export { inheritedFd } from "../../ffi/core/inherited_fd.ts";

/**
 * What a descriptor of a child is to be: one of this process (an {@linkcode Fd},
 * something that has one, or its number), the one of the same number here
 * (`"inherit"`), `/dev/null` (`"null"`), or a new pipe (`"pipe"`, for 0, 1 and 2).
 */
export type ChildFd =
  | Fd
  | { readonly fd: Fd | number }
  | number
  | "inherit"
  | "null"
  | "pipe";

/** Options of {@linkcode spawn}. */
export interface SpawnOptions {
  /**
   * Arguments of the program, its name not among them.
   *
   * @default {[]}
   */
  args?: readonly string[];
  /**
   * What the program finds as its name (`argv[0]`).
   *
   * @default {string} the command
   */
  argv0?: string;
  /**
   * Variables to change in the environment of this process, as
   * `Deno.env.set()` left it; `undefined` takes one away.
   *
   * @default {{}}
   */
  env?: Readonly<Record<string, string | undefined>>;
  /**
   * Gives the child no other variables than those of `env`.
   *
   * @default {false}
   */
  clearEnv?: boolean;
  /**
   * Working directory. A command with a slash that is no absolute path is
   * looked up from there.
   *
   * @default {string} this process's
   */
  cwd?: string | URL;
  /**
   * The descriptors of the child, by their numbers there, up to 65535; it gets
   * no others. They stay open here too: close what only the child is to have.
   *
   * A pipe that this process has made non-blocking is opened a second time for
   * the child, which finds it blocking. What else is non-blocking is so in both.
   *
   * @default {{ 0: "inherit", 1: "inherit", 2: "inherit" }} for those not named
   */
  fds?: Readonly<Record<number, ChildFd>>;
  /**
   * Looks a command without a slash up in the `PATH` of this process.
   *
   * @default {true}
   */
  path?: boolean;
  /**
   * Signals that the child starts with blocked: what `SignalQueue` needs.
   *
   * @default {[]} none, whatever this process blocks
   */
  signalMask?: Signal | Iterable<Signal>;
  /**
   * Signals that have their default action in the child. What else this process
   * ignores, the child ignores too.
   *
   * @default {"SIGPIPE"} which Deno ignores, but programs rely on
   */
  signalDefault?: Signal | Iterable<Signal>;
  /**
   * Makes the child the leader of a session of its own, without a terminal.
   *
   * @default {false}
   */
  setsid?: boolean;
  /**
   * The process group of the child; 0 is one of its own.
   *
   * @default {undefined} this process's
   */
  setpgroup?: number;
  /**
   * What the end of an `await using` scope sends.
   *
   * @default {"SIGTERM"}
   */
  killSignal?: Signal;
}

/** The greatest number of a descriptor that a child can be given. */
const MAX_FD = 65535;

/**
 * `posix_spawn`, `posix_spawnp`: starts a program.
 *
 * Needs nothing but `--allow-ffi`. The child gets the descriptors of `fds` and
 * no others, even if others here are not close-on-exec.
 *
 * See [posix_spawn(3)](https://man7.org/linux/man-pages/man3/posix_spawn.3.html).
 *
 * @param command A program: its name, to be looked up in the `PATH`, or its
 * path.
 * @throws {IpcError} `ENOENT` when there is no such program or directory,
 * `EACCES` when it may not be executed, `ENOEXEC` when it is no program,
 * `E2BIG` when arguments and environment are too long, `EMFILE`, `EAGAIN` when
 * there are too many processes.
 * @throws {TypeError} While `SIGCHLD` is ignored: nobody could learn how the
 * child ends.
 *
 * @example Talk with a program over pipes
 * ```ts
 * import { spawn } from "@libc/ipc/spawn";
 * import { assertEquals } from "@std/assert";
 *
 * await using child = spawn("cat", { fds: { 0: "pipe", 1: "pipe" } });
 * child.stdin?.writeSync("hello");
 * child.stdin?.close();
 * assertEquals(await new Response(child.stdout?.readable).text(), "hello");
 * assertEquals((await child.status).code, 0);
 * ```
 */
export function spawn(
  command: string | URL,
  options: SpawnOptions = {},
): ChildProcess {
  const name = pathString(command, "command");
  const label = `program ${JSON.stringify(name)}`;
  const killSignal = signalNumber(options.killSignal ?? "SIGTERM");
  const group = options.setpgroup;
  if (group !== undefined) integer(group, "setpgroup", 0, 0x7fff_ffff);
  if (group !== undefined && options.setsid) {
    throw new TypeError("setpgroup must not be given together with setsid");
  }
  if (disposition("SIGCHLD") === "ignore") {
    throw new TypeError(
      `Cannot start ${label}: SIGCHLD is ignored, so that nobody could learn how it ends; call restoreDefault("SIGCHLD")`,
    );
  }
  using call = new SpawnCall({
    command: name,
    label,
    args: [options.argv0 ?? name, ...options.args ?? []],
    env: options.env ?? {},
    clearEnv: options.clearEnv ?? false,
    search: (options.path ?? true) && !name.includes("/"),
  });
  // Before descriptors are opened: it may refuse.
  call.setSignals(
    signalNumbers(options.signalMask ?? []),
    signalNumbers(options.signalDefault ?? "SIGPIPE"),
  );
  call.setGroup(options.setsid ?? false, group);
  if (options.cwd !== undefined) call.setDirectory(cpath(options.cwd, "cwd"));
  // Closed in any case, and only when it fails.
  using forChild = new DisposableStack();
  using ours = new DisposableStack();
  const { places, stdin, stdout, stderr } = prepare(
    options.fds ?? {},
    forChild,
    ours,
  );
  call.setDescriptors(places);
  const [pid, error] = call.run();
  if (error !== 0) throw failure(error, call, options);
  ours.move();
  return new ChildProcess(INTERNAL, {
    pid,
    label: `process ${pid} (${name})`,
    killSignal,
    stdin,
    stdout,
    stderr,
  });
}
