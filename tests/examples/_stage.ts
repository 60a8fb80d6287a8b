/** Runs the programs of an example for a test. */

import { ftok } from "@libc/ipc/sysv-key";
import { IpcError } from "@libc/ipc/errno";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { assertEquals } from "@std/assert";
import { type Child, spawnCommand, watchdog } from "../util.ts";

/** The folders of the examples. */
export const EXAMPLES: URL = new URL("../../examples/", import.meta.url);

/** A process id that no process can have. */
export const NOBODY = "4194305";

/**
 * A working directory for one test. All names and keys of an example derive
 * from its working directory, so that two runs never collide.
 *
 * `using stage = new Stage("socket");`
 */
export class Stage implements Disposable {
  /** The directory. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "libc-ipc-example-" });
  readonly #example: URL;
  readonly #dog: Disposable;

  /** @param example The folder of the programs. */
  constructor(example: string) {
    this.#example = new URL(`${example}/`, EXAMPLES);
    this.#dog = watchdog(`examples/${example}`);
  }

  /** The key that the example has for a project id. */
  key(projectId: string): number {
    return ftok(this.path, projectId);
  }

  /** Starts a program with the permissions that its README gives. */
  start(program: string, ...args: string[]): Child {
    const { pathname } = new URL(program, this.#example);
    return spawnCommand(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-ffi", pathname, ...args],
      cwd: this.path,
    });
  }

  /** Runs a program to its end, which must be successful. */
  async run(program: string, ...args: string[]): Promise<string> {
    await using child = this.start(program, ...args);
    return (await rest(child)).join("\n");
  }

  /** Runs a program that must fail, and returns its standard error. */
  async fail(program: string, ...args: string[]): Promise<string> {
    await using child = this.start(program, ...args);
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout], [1, ""]);
    return stderr;
  }

  /** Removes the leftovers of killed programs, and their children. */
  [Symbol.dispose](): void {
    for (const pid of processesIn(this.path)) kill(pid);
    const key = (projectId: string) => this.key(projectId);
    ignoreMissing(() => SysvSharedMemory.open(key("n")).remove());
    ignoreMissing(() => SysvSemaphoreSet.open(key("s")).remove());
    ignoreMissing(() => SysvMessageQueue.open(key("q")).remove());
    const inbox = `/libc-ipc-inbox-${key("i").toString(16)}`;
    ignoreMissing(() => PosixMessageQueue.unlink(inbox));
    for (
      const name of [
        `sem.libc-ipc-garage-${key("g").toString(16)}`,
        `libc-ipc-thermometer-${key("t").toString(16)}`,
      ]
    ) ignoreMissing(() => Deno.removeSync(`/dev/shm/${name}`));
    Deno.removeSync(this.path, { recursive: true });
    this.#dog[Symbol.dispose]();
  }
}

/** The further lines of a program that ends well. */
export async function rest(child: Child): Promise<string[]> {
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

/** The processes whose working directory it is. */
function processesIn(directory: string): number[] {
  const processes = Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name));
  return processes.filter((pid) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/cwd`) === directory;
    } catch {
      // It has ended, or is another user's.
      return false;
    }
  }).map(Number);
}

function kill(pid: number): void {
  ignoreMissing(() => Deno.kill(pid, "SIGKILL"));
}

function ignoreMissing(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound ||
      error instanceof IpcError && error.code === "ENOENT";
    if (!missing) throw error;
  }
}
