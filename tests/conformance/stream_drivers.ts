/** Drivers of the rows about pipes and FIFOs. */

import { Fifo, pipe, PipeWriter } from "@libc/ipc";
import { becomeNobody, becomeRoot } from "./privileges.ts";
import type { Defer, Driven, Drivers } from "./rows.ts";

const NO_POINTERS = {
  why: "the wrappers pass only buffers of their own, never an address",
};

/** A temporary folder. */
function folder(defer: Defer): string {
  const path = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  defer(() => Deno.removeSync(path, { recursive: true }));
  return path;
}

/** A pipe. */
function ends(defer: Defer, capacity?: number): ReturnType<typeof pipe> {
  const made = pipe({ capacity });
  defer(() => made[Symbol.dispose]());
  return made;
}

/** Becomes another user until the end. */
function asNobody(defer: Defer): void {
  becomeNobody();
  defer(becomeRoot);
}

const CLONE_NEWNS = 0x20000;
const MS_RDONLY = 1n;
const MS_REC_PRIVATE = 0x44000n;

/** Mounts a read-only tmpfs over a folder, for this thread only. */
function mountReadOnly(path: string, defer: Defer): void {
  const libc = Deno.dlopen("libc.so.6", {
    unshare: { parameters: ["i32"], result: "i32" },
    mount: {
      parameters: ["buffer", "buffer", "buffer", "u64", "pointer"],
      result: "i32",
    },
    umount2: { parameters: ["buffer", "i32"], result: "i32" },
  }).symbols;
  const c = (text: string) => new TextEncoder().encode(`${text}\0`);
  const results = [
    libc.unshare(CLONE_NEWNS),
    libc.mount(c("none"), c("/"), null, MS_REC_PRIVATE, null),
    libc.mount(c("none"), c(path), c("tmpfs"), MS_RDONLY, null),
  ];
  if (results.some((result) => result !== 0)) {
    throw new Error(`cannot mount a read-only tmpfs: ${results}`);
  }
  defer(() => libc.umount2(c(path), 0));
}

const pipes: Drivers = {
  "pipe2: unknown flag": { why: "flags are options: there is no unknown one" },
  "pipe2: result array unmapped": NO_POINTERS,
  "write (pipe): write to the read end": {
    run: (defer) => PipeWriter.fromFd(ends(defer).reader.fd),
  },
  "write (pipe): no reader left, SIGPIPE ignored": {
    async run(defer) {
      const { reader, writer } = ends(defer);
      reader.close();
      await writer.write("x");
    },
  },
  "write (pipe): O_NONBLOCK, n <= PIPE_BUF does not fit entirely: nothing written":
    {
      run(defer) {
        const { writer } = ends(defer, 4096);
        writer.writeSync("x");
        if (writer.tryWrite(new Uint8Array(4096)) === undefined) {
          writer.writeSync(new Uint8Array(4096), { timeout: 0 });
        }
      },
      instead: {
        expect: "ETIMEDOUT",
        because: "would-block is undefined, or the end of the time",
      },
    },
  "read (pipe): empty pipe, O_NONBLOCK, writer open": {
    run: (defer) =>
      ends(defer).reader.readSync(new Uint8Array(1), { timeout: 0 }),
    instead: {
      expect: "ETIMEDOUT",
      because: "would-block is undefined, or the end of the time",
    },
  },
  "read (pipe): signal while blocked": {
    why: "EINTR is looped with the time that is left, see the signal tests",
  },
  "fcntl F_SETPIPE_SZ: size beyond 2^31": {
    run: (defer) => ends(defer).writer.resize(2 ** 31),
    instead: {
      expect: "RangeError",
      because: "a size that is no int is refused before the call",
    },
  },
  "fcntl F_SETPIPE_SZ: above pipe-max-size, unprivileged": {
    child: "common",
    run(defer) {
      const { writer } = ends(defer);
      asNobody(defer);
      writer.resize(1 << 22);
    },
  },
};

/** A row about a path in a folder of its own. */
function inFolder(make: (path: string, defer: Defer) => unknown): Driven {
  return { run: (defer) => make(folder(defer), defer) };
}

const fifos: Drivers = {
  "mkfifo: exists as a dangling symlink": inFolder((path) => {
    Deno.symlinkSync("nowhere", `${path}/f`);
    return Fifo.create(`${path}/f`);
  }),
  "mkfifo: parent is a regular file": inFolder((path) => {
    Deno.writeTextFileSync(`${path}/file`, "");
    return Fifo.create(`${path}/file/f`);
  }),
  "mkfifo: symlink loop in the path": inFolder((path) => {
    Deno.symlinkSync("b", `${path}/a`);
    Deno.symlinkSync("a", `${path}/b`);
    return Fifo.create(`${path}/a/f`);
  }),
  "mkfifo: parent not writable": {
    child: "common",
    run(defer) {
      const path = folder(defer);
      Deno.chmodSync(path, 0o555);
      asNobody(defer);
      return Fifo.create(`${path}/f`);
    },
  },
  "mkfifo: read-only file system": {
    child: "common",
    run(defer) {
      const path = folder(defer);
      mountReadOnly(path, defer);
      return Fifo.create(`${path}/f`);
    },
  },
  "mkfifo: path pointer unmapped": NO_POINTERS,
  "open (fifo): signal while waiting for the other end": {
    why: "EINTR is looped with the time that is left, see the signal tests",
  },
  "open (fifo): permission denied": {
    child: "common",
    run(defer) {
      const path = folder(defer);
      Deno.chmodSync(path, 0o755);
      const fifo = Fifo.create(`${path}/f`, { owner: false });
      defer(() => fifo.close());
      asNobody(defer);
      return fifo.openReader();
    },
  },
};

/** The drivers of pipes and FIFOs. */
export const drivers: Drivers = { ...pipes, ...fifos };
