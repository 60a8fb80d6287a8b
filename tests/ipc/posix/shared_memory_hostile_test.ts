// Planted objects, peers that truncate, no space, no descriptors, other users.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import {
  codeOf,
  hasCommand,
  notEmulated,
  openedSince,
  openFds,
  source,
  spawnCommand,
  spawnDeno,
  uniqueName,
  watchdog,
} from "../../util.ts";
import { FILES, removing, sharedFiles } from "../memory/process_state.ts";

const ROOT = Deno.uid() === 0;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const HELPERS = source("tests/ipc/memory/process_state.ts");
const PRIVILEGES = source("tests/conformance/privileges.ts");

/** Whether a private mount of /dev/shm can be made. */
function canMount(): boolean {
  if (!ROOT || !hasCommand("unshare")) return false;
  return new Deno.Command("unshare", {
    args: ["-m", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"],
    stderr: "null",
  }).outputSync().success;
}

const NO_MOUNT = canMount() ? "" : " [skipped: needs root and unshare -m]";

/** Runs a program in a Deno process that sees a small /dev/shm of its own. */
async function inSmallShm(options: string, code: string): Promise<string> {
  const url = `data:application/typescript,${encodeURIComponent(code)}`;
  await using child = spawnCommand("unshare", {
    args: [
      "-m",
      "sh",
      "-c",
      `mount -t tmpfs -o ${options} tmpfs /dev/shm && exec "$@"`,
      "sh",
      Deno.execPath(),
      ...["run", "--quiet", "--no-lock", `--config=${CONFIG}`, "--allow-all"],
      url,
    ],
  });
  const { code: status, stdout, stderr } = await child.end();
  assertEquals(status, 0, stderr);
  return stdout.trim();
}

const PREAMBLE = `
  import { PosixSharedMemory } from "@libc/ipc/posix-shm";
  const codeOf = (call) => {
    try {
      call();
      return "none";
    } catch (error) {
      return error.code ?? String(error);
    }
  };
  const names = () => [...Deno.readDirSync("/dev/shm")].map(({ name }) => name);
`;

Deno.test({
  name:
    `PosixSharedMemory.create() is ENOSPC on a full /dev/shm, and leaves nothing${NO_MOUNT}`,
  ignore: NO_MOUNT !== "",
  async fn() {
    const output = await inSmallShm(
      "size=64k",
      `${PREAMBLE}
      import { openFds } from "${source("tests/util.ts")}";
      import { FILES } from "${HELPERS}";
      const before = openFds(FILES).join();
      const create = () => PosixSharedMemory.create("/a", { size: 65537 });
      const error = codeOf(create);
      let message = "";
      try { create(); } catch (error) { message = error.message; }
      const same = openFds(FILES).join() === before;
      using memory = PosixSharedMemory.create("/b", { size: 32768 });
      using mapping = memory.map();
      mapping.bytes[0] = 1;
      const grown = codeOf(() => memory.resize(65537));
      const size = memory.size;
      // All that was promised can be touched.
      memory.resize(65536);
      using rest = memory.map();
      rest.bytes.fill(1);
      console.log(JSON.stringify([error, message, grown, size, names(), same]));`,
    );
    assertEquals(JSON.parse(output), [
      "ENOSPC",
      `Cannot create shared memory "/a" of 65537 bytes: posix_fallocate failed with ENOSPC (No space left on device): its file system has no room for it`,
      "ENOSPC",
      32768,
      ["b"],
      true,
    ]);
  },
});

Deno.test({
  name:
    `PosixSharedMemory.create() without reserve promises what is not there${NO_MOUNT}`,
  ignore: NO_MOUNT !== "",
  async fn() {
    const output = await inSmallShm(
      "size=64k",
      `${PREAMBLE}
      using memory = PosixSharedMemory.create("/a", { size: 1 << 20, reserve: false });
      const bytes = new Uint8Array(1 << 20);
      console.log(memory.size, codeOf(() => memory.pwrite(bytes)));`,
    );
    assertEquals(output, "1048576 ENOSPC");
  },
});

Deno.test({
  name:
    `PosixSharedMemory.create() is ENOSPC where /dev/shm has no inodes left${NO_MOUNT}`,
  ignore: NO_MOUNT !== "",
  async fn() {
    const output = await inSmallShm(
      "nr_inodes=2",
      `${PREAMBLE}
      using memory = PosixSharedMemory.create("/a", { size: 1 });
      console.log(
        codeOf(() => PosixSharedMemory.create("/b", { size: 1 })),
        codeOf(() => PosixSharedMemory.openOrCreate("/b", { size: 1 })),
        codeOf(() => PosixSharedMemory.create(null, { size: 1 })),
        names().join(),
      );`,
    );
    assertEquals(output, "ENOSPC ENOSPC ENOSPC a");
  },
});

Deno.test("PosixSharedMemory refuses a size beyond RLIMIT_FSIZE and lives", async () => {
  const name = `/${uniqueName()}`;
  using _left = removing(name.slice(1));
  await using child = spawnDeno(
    `${PREAMBLE}
    import { limit, RLIMIT_FSIZE } from "${HELPERS}";
    // Far beyond what Deno itself writes into its cache.
    const MOST = 2 ** 32;
    const reserve = false;
    using memory = PosixSharedMemory.create("${name}", { size: 2 * MOST, reserve });
    limit(RLIMIT_FSIZE, MOST);
    console.log([
      codeOf(() => PosixSharedMemory.create("${name}2", { size: MOST + 1 })),
      codeOf(() => PosixSharedMemory.create("${name}2", { size: MOST + 1, reserve })),
      codeOf(() => memory.resize(2 * MOST + 1)),
      codeOf(() => memory.resize(2 * MOST + 1, { reserve })),
      codeOf(() => memory.pwrite(new Uint8Array(2), MOST - 1)),
      codeOf(() => memory.pwrite(new Uint8Array(1), MOST - 1)),
    ].join());`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, "EFBIG,EFBIG,EFBIG,EFBIG,EFBIG,none\n");
  assertEquals(sharedFiles(name.slice(1)), []);
});

Deno.test("PosixSharedMemory leaves nothing behind when descriptors run out", async () => {
  const name = `/${uniqueName()}`;
  using _left = removing(name.slice(1));
  await using child = spawnDeno(
    `
    import { PosixSharedMemory } from "@libc/ipc/posix-shm";
    import { openFds } from "${source("tests/util.ts")}";
    import { FILES, sharedFiles, withFewDescriptors } from "${HELPERS}";
    // What is opened once and for all is open from here on.
    PosixSharedMemory.create("${name}", { size: 1 })[Symbol.dispose]();
    PosixSharedMemory.openOrCreate("${name}", { size: 1, owner: true })[Symbol.dispose]();
    const before = openFds(FILES);
    const run = (call) => {
      const codes = withFewDescriptors(call);
      return [codes, sharedFiles("${name.slice(1)}").length];
    };
    const made = run(() => PosixSharedMemory.create("${name}", { size: 5000 }).close());
    const opened = run(() => PosixSharedMemory.open("${name}").close());
    PosixSharedMemory.unlink("${name}");
    const either = run(() => PosixSharedMemory.openOrCreate("${name}", { size: 1 }).close());
    const memory = PosixSharedMemory.open("${name}");
    // Mapping takes no descriptor.
    const mapped = run(() => memory.map().close());
    memory.unlink();
    memory.close();
    const same = openFds(FILES).join() === before.join();
    console.log(JSON.stringify([made, opened, either, mapped, same]));`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout), [
    [["EMFILE"], 1],
    [["EMFILE"], 1],
    [["EMFILE"], 1],
    [[], 1],
    true,
  ]);
});

Deno.test("PosixSharedMemory.map() is ENOMEM beyond RLIMIT_AS", async () => {
  const name = `/${uniqueName()}`;
  using memory = PosixSharedMemory.create(name, {
    size: 2 ** 36,
    reserve: false,
  });
  await using child = spawnDeno(
    `${PREAMBLE}
    import { addressSpace, limit, RLIMIT, SLACK } from "${PRIVILEGES}";
    using memory = PosixSharedMemory.open("${memory.name}");
    limit(RLIMIT.AS, addressSpace() + SLACK);
    console.log(codeOf(() => memory.map()));`,
    { permissions: ["--allow-all"] },
  );
  assertEquals(await child.line(), "ENOMEM");
  assertEquals((await child.end()).code, 0);
});

Deno.test("PosixSharedMemory.open() refuses what is no memory, and never waits", () => {
  using _dog = watchdog("PosixSharedMemory.open() of planted files");
  const name = uniqueName();
  const path = `/dev/shm/${name}`;
  const before = openFds(FILES);
  const codes = (): string[] => [
    codeOf(() => PosixSharedMemory.open(`/${name}`)),
    codeOf(() => PosixSharedMemory.open(`/${name}`, { readOnly: true })),
    codeOf(() => PosixSharedMemory.openOrCreate(`/${name}`, { size: 10 })),
    codeOf(() => PosixSharedMemory.create(`/${name}`, { size: 10 })),
  ];
  const planted = (plant: () => void): string[] => {
    plant();
    try {
      return codes();
    } finally {
      Deno.removeSync(path);
    }
  };
  const run = (command: string, ...args: string[]) => () =>
    new Deno.Command(command, { args }).outputSync();
  assertEquals(
    planted(() => Deno.symlinkSync("/etc/passwd", path)),
    ["ELOOP", "ELOOP", "ELOOP", "EEXIST"],
  );
  assertEquals(
    planted(() => Deno.symlinkSync("/nowhere/at/all", path)),
    ["ELOOP", "ELOOP", "ELOOP", "EEXIST"],
  );
  assertEquals(
    planted(run("mkfifo", path)),
    ["ENODEV", "ENODEV", "ENODEV", "EEXIST"],
  );
  assertEquals(
    planted(() => Deno.mkdirSync(path)),
    ["EINVAL", "ENODEV", "EINVAL", "EEXIST"],
  );
  if (ROOT) {
    assertEquals(
      planted(run("mknod", path, "c", "1", "5")).slice(3),
      ["EEXIST"],
    );
  }
  assertEquals(openedSince(before, FILES), []);
  const error = (() => {
    run("mkfifo", path)();
    try {
      return assertThrows(() => PosixSharedMemory.open(`/${name}`), IpcError);
    } finally {
      Deno.removeSync(path);
    }
  })();
  assertEquals(
    error.message,
    `Cannot open shared memory "/${name}": it is a FIFO, not memory or a file (ENODEV)`,
  );
});

Deno.test({
  name:
    `PosixSharedMemory.open() refuses what another user planted, if told so${
      ROOT ? "" : " [skipped: not root]"
    }`,
  ignore: !ROOT,
  fn() {
    using memory = PosixSharedMemory.create(`/${uniqueName()}`, { size: 10 });
    const before = openFds(FILES);
    PosixSharedMemory.open(memory.name, { foreign: false }).close();
    memory.set({ uid: 65534 });
    PosixSharedMemory.open(memory.name).close();
    assertThrows(
      () => PosixSharedMemory.open(memory.name, { foreign: false }),
      IpcError,
      `Cannot open shared memory "${memory.name}": it belongs to user 65534 (EPERM)`,
    );
    assertEquals(
      codeOf(() =>
        PosixSharedMemory.openOrCreate(memory.name, {
          size: 10,
          foreign: false,
        })
      ),
      "EPERM",
    );
    assertEquals(openedSince(before, FILES), []);
  },
});

const NO_USER = ROOT && hasCommand("setpriv")
  ? ""
  : " [skipped: needs root and setpriv]";

Deno.test({
  name: `PosixSharedMemory obeys permissions of another user${NO_USER}`,
  ignore: NO_USER !== "",
  async fn() {
    using closed = PosixSharedMemory.create(`/${uniqueName()}`, { size: 10 });
    using open = PosixSharedMemory.create(`/${uniqueName()}`, {
      size: 10,
      mode: 0o644,
      ignoreUmask: true,
    });
    const cache = await Deno.makeTempDir({ prefix: "libc_ipc_" });
    try {
      await Deno.chown(cache, 65534, 65534);
      const code = `${PREAMBLE}
        const [closed, open] = ${JSON.stringify([closed.name, open.name])};
        const readOnly = PosixSharedMemory.open(open, { readOnly: true });
        console.log([
          codeOf(() => PosixSharedMemory.open(closed)),
          codeOf(() => PosixSharedMemory.open(closed, { readOnly: true })),
          codeOf(() => PosixSharedMemory.openOrCreate(closed, { size: 10 })),
          codeOf(() => PosixSharedMemory.create(closed, { size: 10 })),
          codeOf(() => PosixSharedMemory.unlink(closed)),
          codeOf(() => PosixSharedMemory.open(open)),
          codeOf(() => readOnly.set({ mode: 0o666 })),
          readOnly.map().size,
        ].join());`;
      await using child = spawnCommand("setpriv", {
        args: [
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          Deno.execPath(),
          ...["run", "--quiet", "--no-lock", `--config=${CONFIG}`],
          "--allow-ffi",
          `data:application/typescript,${encodeURIComponent(code)}`,
        ],
        env: { DENO_DIR: cache, HOME: cache },
      });
      const { stdout, stderr } = await child.end();
      // The directory is sticky: only the owner of a file unlinks it (EPERM
      // there).
      assertMatch(
        stdout,
        /^EACCES,EACCES,EACCES,EEXIST,(EACCES|EPERM),EACCES,EPERM,10\n$/,
        stderr,
      );
    } finally {
      await Deno.remove(cache, { recursive: true });
    }
  },
});

Deno.test({
  ...notEmulated(
    "PosixSharedMemory survives that a peer makes it shorter",
    "has no process_vm_readv",
  ),
  async fn() {
    using memory = PosixSharedMemory.create(`/${uniqueName()}`, {
      size: 12288,
    });
    memory.pwrite(new Uint8Array(12288).fill(7));
    await using child = spawnDeno(`${PREAMBLE}
    using memory = PosixSharedMemory.open("${memory.name}");
    using mapping = memory.map();
    console.log(mapping.read(8192, 1)[0]);
    await Deno.stdin.read(new Uint8Array(1));
    const target = new Uint8Array(100).fill(1);
    const counts = [
      memory.pread(target, 0),
      memory.pread(target, 4090),
      memory.pread(target, 8192),
    ];
    const copies = [
      mapping.readInto(target, 0),
      codeOf(() => mapping.readInto(target, 8192)),
    ];
    const pages = codeOf(() => memory.map({ length: 8192 }));
    const write = codeOf(() => memory.pwrite(target, 8192));
    console.log(JSON.stringify([counts, copies, pages, write, memory.size]));
  `);
    assertEquals(await child.line(), "7");
    Deno.truncateSync(`/dev/shm${memory.name}`, 4100);
    await child.write("go");
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), [
      [100, 10, 0],
      [100, "EFAULT"],
      `RangeError: Cannot map bytes 0 to 8192 of shared memory "${memory.name}": it ends at 4100`,
      `RangeError: Cannot write bytes 8192 to 8292 of shared memory "${memory.name}": it ends at 4100`,
      4100,
    ]);
  },
});

Deno.test("PosixSharedMemory is there for others when its creator is killed", async () => {
  const name = `/${uniqueName()}`;
  using _left = removing(name.slice(1));
  {
    await using child = spawnDeno(`
      import { PosixSharedMemory } from "@libc/ipc/posix-shm";
      using memory = PosixSharedMemory.create("${name}", { size: 100 });
      memory.pwrite(new Uint8Array([5]));
      console.log("made");
      await Deno.stdin.read(new Uint8Array(1));
    `);
    assertEquals(await child.line(), "made");
    child.kill("SIGKILL");
  }
  using memory = PosixSharedMemory.open(name);
  const byte = new Uint8Array(1);
  memory.pread(byte);
  assertEquals(byte[0], 5);
  memory.unlink();
});
