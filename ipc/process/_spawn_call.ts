/**
 * One call of `posix_spawn` and its C structs.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { checkRc, ERRNO, ipcError } from "../../ffi/errno.ts";
import { O_RDWR } from "../../ffi/libc/fcntl.ts";
import {
  posix_spawn_file_actions_t,
  POSIX_SPAWN_SETPGROUP,
  POSIX_SPAWN_SETSID,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  posix_spawnattr_t,
  spawn,
} from "../../ffi/libc/spawn.ts";
import { SC_OPEN_MAX, unistd } from "../../ffi/libc/unistd.ts";
import { sigset } from "../../ffi/sigset.ts";
import { signalName, signals } from "./_signals.ts";
import { type FdAction, type FdPlace, planDescriptors } from "./_spawn_plan.ts";
import {
  type EnvironmentChanges,
  environmentOf,
  type ProgramStrings,
  programStrings,
} from "./_spawn_strings.ts";

/**
 * The signals of the C library, which the child would otherwise keep ignored.
 */
const INTERNAL_SIGNALS = [32, 33];

/** The program to start. */
export interface SpawnProgram {
  /** Its name or path. */
  readonly command: string;
  /** Its name in messages. */
  readonly label: string;
  /** Its arguments, from `argv[0]` on. */
  readonly args: readonly string[];
  /** Changes to the environment. */
  readonly env: EnvironmentChanges;
  /** Whether to start from an empty environment. */
  readonly clearEnv: boolean;
  /** Whether to look up the command in the `PATH`. */
  readonly search: boolean;
}

/** A call of `posix_spawn` in preparation. */
export class SpawnCall implements Disposable {
  readonly syscall: "posix_spawn" | "posix_spawnp";
  readonly label: string;
  readonly #command: Uint8Array<ArrayBuffer>;
  readonly #strings: ProgramStrings;
  readonly #attr = new Uint8Array(posix_spawnattr_t.size);
  readonly #actions = new Uint8Array(posix_spawn_file_actions_t.size);
  #flags = 0;

  constructor(program: SpawnProgram) {
    this.syscall = program.search ? "posix_spawnp" : "posix_spawn";
    this.label = program.label;
    this.#command = cstring(program.command, "command");
    this.#strings = programStrings(
      program.args,
      environmentOf(program.env, program.clearEnv),
    );
    const calls = spawn();
    this.#check(
      calls.posix_spawnattr_init(this.#attr),
      "posix_spawnattr_init",
    );
    this.#check(
      calls.posix_spawn_file_actions_init(this.#actions),
      "posix_spawn_file_actions_init",
    );
  }

  /**
   * Sets the signals that start blocked, and those with their default action.
   */
  setSignals(blocked: number[], byDefault: number[]): void {
    for (const number of blocked) refuseUnblockable(number);
    const calls = spawn();
    this.#check(
      calls.posix_spawnattr_setsigmask(this.#attr, sigset(blocked)),
      "posix_spawnattr_setsigmask",
    );
    this.#check(
      calls.posix_spawnattr_setsigdefault(
        this.#attr,
        sigset([...byDefault, ...INTERNAL_SIGNALS]),
      ),
      "posix_spawnattr_setsigdefault",
    );
    this.#flags |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  }

  /** Sets whether to start a session, and the process group to join. */
  setGroup(session: boolean, group: number | undefined): void {
    if (session) this.#flags |= POSIX_SPAWN_SETSID;
    if (group === undefined) return;
    this.#check(
      spawn().posix_spawnattr_setpgroup(this.#attr, group),
      "posix_spawnattr_setpgroup",
    );
    this.#flags |= POSIX_SPAWN_SETPGROUP;
  }

  /** Sets the working directory. */
  setDirectory(path: Uint8Array<ArrayBuffer>): void {
    this.#check(
      spawn().posix_spawn_file_actions_addchdir_np(this.#actions, path),
      "posix_spawn_file_actions_addchdir_np",
    );
  }

  /** Sets the descriptors of the child. */
  setDescriptors(places: ReadonlyMap<number, FdPlace>): void {
    for (const action of planDescriptors(places)) this.#add(action);
  }

  /** Starts the program; returns its pid and the error number. */
  run(): [pid: number, error: number] {
    this.#check(
      spawn().posix_spawnattr_setflags(this.#attr, this.#flags),
      "posix_spawnattr_setflags",
    );
    const pid = new Int32Array(1);
    const error = spawn()[this.syscall](
      pid,
      this.#command,
      this.#actions,
      this.#attr,
      this.#strings.argv,
      this.#strings.envp,
    );
    return [pid[0] as number, error];
  }

  [Symbol.dispose](): void {
    spawn().posix_spawn_file_actions_destroy(this.#actions);
    spawn().posix_spawnattr_destroy(this.#attr);
  }

  #add(action: FdAction): void {
    const calls = spawn();
    const actions = this.#actions;
    switch (action.kind) {
      case "dup2":
        return this.#check(
          calls.posix_spawn_file_actions_adddup2(
            actions,
            action.from,
            action.to,
          ),
          "posix_spawn_file_actions_adddup2",
          Math.max(action.from, action.to),
        );
      case "close":
        // glibc refuses numbers from RLIMIT_NOFILE on.
        if (action.fd >= openMax()) return;
        return this.#check(
          calls.posix_spawn_file_actions_addclose(actions, action.fd),
          "posix_spawn_file_actions_addclose",
        );
      case "closefrom":
        if (action.fd >= openMax()) return;
        return this.#check(
          calls.posix_spawn_file_actions_addclosefrom_np(actions, action.fd),
          "posix_spawn_file_actions_addclosefrom_np",
        );
      case "null":
        return this.#check(
          calls.posix_spawn_file_actions_addopen(
            actions,
            action.fd,
            NULL_DEVICE,
            O_RDWR,
            0,
          ),
          "posix_spawn_file_actions_addopen",
          action.fd,
        );
    }
  }

  #check(result: number, call: string, fd?: number): void {
    if (result === ERRNO.EBADF && fd !== undefined) {
      const hint = `descriptor ${fd} is not below RLIMIT_NOFILE`;
      throw ipcError(result, call, "start", this.label, hint);
    }
    checkRc(result, call, "start", this.label);
  }
}

/** Refuses signals that the kernel and the C library would ignore silently. */
function refuseUnblockable(number: number): void {
  const why = number === signals.SIGKILL || number === signals.SIGSTOP
    ? "nobody can block it"
    : INTERNAL_SIGNALS.includes(number)
    ? "the C library keeps it to itself"
    : undefined;
  if (why === undefined) return;
  throw new TypeError(`Cannot block ${signalName(number)}: ${why}`);
}

/** `sysconf(_SC_OPEN_MAX)`: the soft limit of descriptors. */
function openMax(): number {
  return Number(unistd().sysconf(SC_OPEN_MAX));
}

const NULL_DEVICE = cstring("/dev/null", "path");
