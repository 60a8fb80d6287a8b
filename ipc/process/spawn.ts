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
 * blocked, and is always reaped.
 *
 * @module
 */

import { cpath, pathString } from "../../ffi/cstring.ts";
import {
  check0,
  ERRNO,
  errnoOf,
  hasCode,
  type IpcError,
  ipcError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { F_GETFD, fcntl, O_CLOEXEC, O_NONBLOCK } from "../../ffi/libc/fcntl.ts";
import {
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  stat,
  sys_stat,
} from "../../ffi/libc/sys_stat.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { integer, shown } from "../core/convert/argument.ts";
import { Fd } from "../core/handle/fd.ts";
import { flagsOf, inheritableFd } from "../core/handle/fd_flags.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
import { disposition } from "./_signal_action.ts";
import { type Signal, signalNumber, signalNumbers } from "./_signals.ts";
import { SpawnCall } from "./_spawn_call.ts";
import type { FdPlace } from "./_spawn_plan.ts";
import { ChildProcess } from "./child_process.ts";

export { ChildProcess, type ChildStatus } from "./child_process.ts";
export { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
export { inheritedFd } from "./_inherited_fd.ts";

/**
 * The source of a child's descriptor: a descriptor of this process (an
 * {@linkcode Fd}, an object that has one, or a number), the one of the same
 * number here (`"inherit"`), `/dev/null` (`"null"`), or a new pipe (`"pipe"`,
 * for 0, 1 and 2).
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
   * Arguments of the program, without its name.
   *
   * @default {[]}
   */
  args?: readonly string[];
  /**
   * The program's name as it sees it (`argv[0]`).
   *
   * @default {string} the command
   */
  argv0?: string;
  /**
   * Changes to the current environment of this process, including those of
   * `Deno.env.set()`; `undefined` removes a variable.
   *
   * @default {{}}
   */
  env?: Readonly<Record<string, string | undefined>>;
  /**
   * Gives the child only the variables of `env`.
   *
   * @default {false}
   */
  clearEnv?: boolean;
  /**
   * Working directory. A relative path with a slash is resolved from there.
   *
   * @default {string} this process's
   */
  cwd?: string | URL;
  /**
   * The descriptors of the child, by their numbers there, up to 65535; it gets
   * no others. They stay open here too: close those that only the child should
   * have.
   *
   * A pipe end is reopened for the child as a blocking descriptor with flags of
   * its own, so that no child can make the end here block. One given by its
   * number is reopened only if it is non-blocking here. Other non-blocking
   * descriptors are non-blocking in the child too.
   *
   * @default {{ 0: "inherit", 1: "inherit", 2: "inherit" }} for those not named
   */
  fds?: Readonly<Record<number, ChildFd>>;
  /**
   * Looks up a command without a slash in the `PATH` of this process.
   *
   * @default {true}
   */
  path?: boolean;
  /**
   * Signals that are blocked when the child starts, as `SignalQueue` needs.
   * `SIGKILL`, `SIGSTOP` and the two of the C library cannot be blocked.
   *
   * @default {[]} none, whatever this process blocks
   */
  signalMask?: Signal | Iterable<Signal>;
  /**
   * Signals that have their default action in the child. It ignores all others
   * that this process ignores. `SIGKILL`, `SIGSTOP` and the two of the C
   * library always have their default action.
   *
   * @default {"SIGPIPE"} which Deno ignores, but programs rely on
   */
  signalDefault?: Signal | Iterable<Signal>;
  /**
   * Makes the child the leader of a new session, without a terminal.
   *
   * @default {false}
   */
  setsid?: boolean;
  /**
   * The process group of the child; 0 makes a new one.
   *
   * @default {undefined} this process's
   */
  setpgroup?: number;
  /**
   * The signal that the end of an `await using` scope sends.
   *
   * @default {"SIGTERM"}
   */
  killSignal?: Signal;
}

/** The highest descriptor number that a child can be given. */
const MAX_FD = 65535;

/**
 * `posix_spawn`, `posix_spawnp`: starts a program.
 *
 * It needs only `--allow-ffi`. The child gets the descriptors of `fds` and no
 * others, even if others here are not close-on-exec.
 *
 * See [posix_spawn(3)](https://man7.org/linux/man-pages/man3/posix_spawn.3.html).
 *
 * @param command A program: its name, which is looked up in the `PATH`, or its
 * path.
 * @throws {IpcError} `ENOENT` when there is no such program or directory,
 * `EACCES` when it may not be executed, `ENOEXEC` when it is not a program,
 * `E2BIG` when arguments and environment are too long, `EMFILE`, `EAGAIN` when
 * there are too many processes.
 * @throws {TypeError} While `SIGCHLD` is ignored, because the exit status would
 * be lost, and for a signal in `signalMask` that cannot be blocked.
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
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, got ${shown(options)}`);
  }
  const args = options.args ?? [];
  // The spread below would take the characters of a string for arguments.
  if (!Array.isArray(args)) {
    throw new TypeError(`args must be an array, got ${shown(args)}`);
  }
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
    args: [options.argv0 ?? name, ...args],
    env: options.env ?? {},
    clearEnv: options.clearEnv ?? false,
    search: (options.path ?? true) && !name.includes("/"),
  });
  // Before opening descriptors, because it may throw.
  call.setSignals(
    signalNumbers(options.signalMask ?? []),
    signalNumbers(options.signalDefault ?? "SIGPIPE"),
  );
  call.setGroup(options.setsid ?? false, group);
  if (options.cwd !== undefined) call.setDirectory(cpath(options.cwd, "cwd"));
  // The first is always closed, the second only on failure.
  using forChild = new DisposableStack();
  using ours = new DisposableStack();
  const { places, ...ends } = prepare(options.fds ?? {}, forChild, ours);
  call.setDescriptors(places);
  const [pid, error] = call.run();
  if (error !== 0) throw failure(error, call, name, options.cwd);
  ours.move();
  const started = `process ${pid} (${name})`;
  return new ChildProcess(INTERNAL, {
    pid,
    label: started,
    killSignal,
    ...ends,
  });
}

/** The descriptors of a child, and our ends of its pipes. */
interface Prepared {
  places: Map<number, FdPlace>;
  stdin?: FdWriter;
  stdout?: FdReader;
  stderr?: FdReader;
}

function prepare(
  fds: Readonly<Record<number, ChildFd>>,
  forChild: DisposableStack,
  ours: DisposableStack,
): Prepared {
  const prepared: Prepared = { places: new Map() };
  const { places } = prepared;
  // A standard descriptor that is closed here is an error only if requested.
  for (const fd of [0, 1, 2]) if (isOpen(fd)) places.set(fd, fd);
  for (const [key, value] of Object.entries(fds)) {
    const fd = integer(Number(key), "number of a descriptor", 0, MAX_FD);
    if (value === "null") {
      places.set(fd, value);
    } else if (value !== "pipe") {
      places.set(fd, sourceOf(value, fd, forChild));
    } else {
      const [input, output] = makePipe(fd);
      const init = { label: `pipe to ${fd} of a child` };
      places.set(fd, forChild.use(fd === 0 ? input : output).number);
      if (fd === 0) {
        prepared.stdin = ours.use(new FdWriter(INTERNAL, output, init));
      } else {
        prepared[fd === 1 ? "stdout" : "stderr"] = ours.use(
          new FdReader(INTERNAL, input, init),
        );
      }
    }
  }
  return prepared;
}

function isOpen(fd: number): boolean {
  return errnoOf(fcntl().fcntl(fd, F_GETFD), errno[0]) === 0;
}

function makePipe(fd: number): [input: Fd, output: Fd] {
  if (fd > 2) {
    throw new TypeError(
      `fds[${fd}] must not be "pipe", which is for 0, 1 and 2: give it an end of pipe()`,
    );
  }
  const pipe = new Int32Array(2);
  const label = `a pipe to ${fd} of a child`;
  check0(unistd().pipe2(pipe, O_CLOEXEC), errno[0], "pipe2", "create", label);
  const [input = 0, output = 0] = pipe;
  return [new Fd(INTERNAL, input, label), new Fd(INTERNAL, output, label)];
}

/** The descriptor of this process that becomes `fd` in the child. */
function sourceOf(
  value: Exclude<ChildFd, "null" | "pipe">,
  fd: number,
  forChild: DisposableStack,
): number {
  const number = value === "inherit" ? fd : numberOf(value, fd);
  // The owner of an object may keep using its descriptor, non-blocking.
  if (!isPipe(number, typeof value === "object")) return number;
  try {
    return forChild.use(inheritableFd(number, `pipe for ${fd}`)).number;
  } catch (error) {
    // Without /proc, or without a reader, pass it unchanged.
    if (hasCode(error, "ENOENT", "ENXIO", "EACCES")) return number;
    throw error;
  }
}

function numberOf(
  value: Fd | { readonly fd: Fd | number } | number,
  fd: number,
): number {
  if (value instanceof Fd) return value.number;
  const number = typeof value === "object" && value !== null ? value.fd : value;
  if (number instanceof Fd) return number.number;
  if (typeof number === "number") {
    return integer(number, `fds[${fd}]`, 0, 0x7fff_ffff);
  }
  throw new TypeError(
    `fds[${fd}] must be a descriptor, "inherit", "null" or "pipe", got ${
      shown(value)
    }`,
  );
}

/** Whether it is a pipe; unless `eitherWay`, a non-blocking one. */
function isPipe(fd: number, eitherWay: boolean): boolean {
  const label = `descriptor ${fd} to a child`;
  const flags = flagsOf(fd, "give", label);
  if ((flags & O_NONBLOCK) === 0 && !eitherWay) return false;
  const buffer = new Uint8Array(stat.size);
  check0(sys_stat().fstat(fd, buffer), errno[0], "fstat", "give", label);
  return (stat.view(buffer).st_mode & S_IFMT) === S_IFIFO;
}

/** The error of a failed start, with a hint. */
function failure(
  error: number,
  call: SpawnCall,
  name: string,
  cwd: string | URL | undefined,
): IpcError {
  return ipcError(
    error,
    call.syscall,
    "start",
    call.label,
    hintOf(error, call, name, cwd),
  );
}

function hintOf(
  error: number,
  call: SpawnCall,
  name: string,
  cwd: string | URL | undefined,
): string | undefined {
  switch (error) {
    case ERRNO.ENOENT:
    case ERRNO.ENOTDIR:
    case ERRNO.EACCES:
      if (cwd !== undefined && !isDirectory(pathString(cwd, "cwd"))) {
        return `cwd ${JSON.stringify(pathString(cwd, "cwd"))} is no directory`;
      }
      if (error !== ERRNO.ENOENT) return undefined;
      if (call.syscall === "posix_spawnp") return "it is not in the PATH";
      return (cwd === undefined || name.startsWith("/")) && exists(name)
        ? "the interpreter that it names does not exist"
        : undefined;
    case ERRNO.ENOEXEC:
      return "it is neither a program nor a script that begins with #!";
    case ERRNO.E2BIG:
      return "arguments and environment are too long";
    case ERRNO.EPERM:
      return "it cannot enter that process group or session";
    default:
      return undefined;
  }
}

function isDirectory(path: string): boolean {
  return (modeOf(path) & S_IFMT) === S_IFDIR;
}

function exists(path: string): boolean {
  return modeOf(path) !== 0;
}

/** `st_mode` of a path, 0 when there is none. */
function modeOf(path: string): number {
  const buffer = new Uint8Array(stat.size);
  const error = errnoOf(sys_stat().stat(cpath(path, "path"), buffer), errno[0]);
  return error === 0 ? stat.view(buffer).st_mode : 0;
}
