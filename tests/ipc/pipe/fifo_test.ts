// FIFOs as files: creation, lookup, ownership, removal, and exhaustion.

import { Fifo, IpcError } from "@libc/ipc";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  exists,
  openFds,
  scaled,
  spawnCommand,
  uniqueName,
  watchdog,
} from "../../util.ts";
import { Place } from "../core/stream/util.ts";

Deno.test("create() makes a FIFO that only its user may open, and dispose removes it", () => {
  using place = new Place();
  {
    using fifo = Fifo.create(place.path());
    const { isFifo, mode } = Deno.lstatSync(place.path());
    assert(isFifo);
    assertEquals((mode ?? 0) & 0o7777, 0o600);
    assertEquals(fifo.path, place.path());
    assert(fifo.created);
    const { mode: bits, links, inode, uid } = fifo.stat();
    assertEquals([bits, links, uid], [0o600, 1, Deno.uid()]);
    assertEquals(inode, Deno.lstatSync(place.path()).ino);
  }
  assert(!exists(place.path()));
});

Deno.test("createNode() makes the same by mknod", () => {
  using place = new Place();
  using fifo = Fifo.createNode(place.path(), { mode: 0o640 });
  const { isFifo, mode } = Deno.lstatSync(fifo.path);
  assert(isFifo);
  assertEquals((mode ?? 0) & 0o7777, 0o640);
  assertEquals(
    assertThrows(() => Fifo.createNode(fifo.path), IpcError).syscall,
    "mknod",
  );
});

Deno.test("create() applies the umask, unless ignoreUmask says otherwise", () => {
  using place = new Place();
  const before = Deno.umask(0o027);
  try {
    using masked = Fifo.create(place.path("masked"), { mode: 0o666 });
    using exact = Fifo.create(place.path("exact"), {
      mode: 0o666,
      ignoreUmask: true,
    });
    assertEquals([masked.stat().mode, exact.stat().mode], [0o640, 0o666]);
  } finally {
    Deno.umask(before);
  }
});

Deno.test("create() leaves alone what has the path, and open() refuses it", () => {
  using place = new Place();
  Deno.writeTextFileSync(place.path("file"), "precious");
  Deno.mkdirSync(place.path("directory"));
  Deno.symlinkSync("nowhere", place.path("dangling"));
  Fifo.create(place.path("real"), { owner: false }).close();
  Deno.symlinkSync("real", place.path("link"));
  using listener = Deno.listen({
    transport: "unix",
    path: place.path("socket"),
  });
  for (const name of ["file", "directory", "dangling", "link", "socket"]) {
    const path = place.path(name);
    const error = assertThrows(() => Fifo.create(path), IpcError);
    assertEquals(
      error.message,
      `Cannot create FIFO "${path}": mkfifo failed with EEXIST (File exists)`,
    );
    const refused = assertThrows(() => Fifo.open(path), IpcError);
    const isLink = name === "dangling" || name === "link";
    assertEquals(refused.code, isLink ? "ELOOP" : "ENODEV");
    assertThrows(() => Fifo.openOrCreate(path), IpcError);
  }
  assertEquals(
    assertThrows(() => Fifo.open(place.path("file")), IpcError).message,
    `Cannot open FIFO "${
      place.path("file")
    }": it is a regular file, not a FIFO (ENODEV)`,
  );
  assertEquals(Deno.readTextFileSync(place.path("file")), "precious");
  assertThrows(() => Fifo.open("/dev/null"), IpcError, "it is a device");
  listener.close();
});

Deno.test("open() finds a FIFO and does not own it", () => {
  using place = new Place();
  assertEquals(
    assertThrows(() => Fifo.open(place.path()), IpcError).code,
    "ENOENT",
  );
  using made = Fifo.create(place.path());
  {
    using fifo = Fifo.open(new URL(`file://${place.path()}`));
    assertEquals(fifo.created, false);
    assertEquals(fifo.stat().inode, made.stat().inode);
  }
  assert(exists(place.path()));
});

Deno.test("openOrCreate() says whether it created, and owns only when told", () => {
  using place = new Place();
  {
    using first = Fifo.openOrCreate(place.path(), { mode: 0o640 });
    assertEquals([first.created, first.stat().mode], [true, 0o640]);
    using second = Fifo.openOrCreate(place.path());
    assertEquals(second.created, false);
  }
  assert(exists(place.path()));
  {
    using _third = Fifo.openOrCreate(place.path(), { owner: true });
  }
  assert(exists(place.path()), "removed what it has not created");
  Deno.removeSync(place.path());
  {
    using _fourth = Fifo.openOrCreate(place.path(), { owner: true });
  }
  assert(!exists(place.path()));
});

Deno.test("create() refuses paths that C cannot have", () => {
  assertThrows(() => Fifo.create(""), TypeError, 'path must be a path, got ""');
  assertThrows(() => Fifo.create("/tmp/a\0b"), TypeError, "NUL");
  assertThrows(() => Fifo.create(new URL("http://host/x")), TypeError, "file:");
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  assertThrows(() => Fifo.open(5 as any), TypeError);
  assertThrows(() => Fifo.create("/tmp/x", { mode: -1 }), RangeError, "mode");
  const long = assertThrows(
    () => Fifo.create(`/tmp/${"x".repeat(300)}`),
    IpcError,
  );
  assertEquals(long.code, "ENAMETOOLONG");
  assertEquals(
    assertThrows(() => Fifo.create("/nonexistent/x"), IpcError).code,
    "ENOENT",
  );
});

Deno.test("a relative path stays what it was when the directory changes", () => {
  using place = new Place();
  const before = Deno.cwd();
  Deno.chdir(place.directory);
  try {
    using fifo = Fifo.create("relative");
    Deno.chdir("/");
    assertEquals(fifo.path, `${place.directory}/relative`);
    using _reader = fifo.openReader();
  } finally {
    Deno.chdir(before);
  }
  assert(!exists(place.path("relative")));
});

// Removing

Deno.test("remove() and dispose never touch what has taken the path", () => {
  using place = new Place();
  const replacements: Record<string, () => void> = {
    file: () => Deno.writeTextFileSync(place.path(), "precious"),
    FIFO: () => Fifo.create(place.path(), { owner: false }).close(),
    link: () => Deno.symlinkSync("/dev/null", place.path()),
  };
  for (const [kind, replace] of Object.entries(replacements)) {
    {
      using fifo = Fifo.create(place.path());
      Deno.removeSync(place.path());
      replace();
      const error = assertThrows(() => fifo.remove(), IpcError);
      assertEquals(
        error.message,
        `Cannot remove FIFO "${place.path()}": another file has taken its place (ESTALE)`,
      );
    }
    assert(exists(place.path()), `removed a ${kind}`);
    Deno.removeSync(place.path());
    {
      using _fifo = Fifo.create(place.path());
      Deno.removeSync(place.path());
      replace();
    }
    assert(exists(place.path()), `removed a ${kind}`);
    Deno.removeSync(place.path());
  }
});

Deno.test("remove() takes the path and leaves open ends working", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using reader = fifo.openReader();
  using writer = await fifo.openWriter();
  fifo.remove();
  assert(!exists(place.path()));
  writer.writeSync("still");
  assertEquals(reader.readSync(new Uint8Array(9)), 5);
  const gone = assertThrows(() => fifo.openReader(), IpcError);
  assertEquals(gone.code, "ENOENT");
  assertEquals(
    assertThrows(() => fifo.remove(), IpcError).code,
    "ENOENT",
  );
});

Deno.test("close() keeps the path, and dispose of a closed owner removes it", () => {
  using place = new Place();
  const fifo = Fifo.create(place.path());
  fifo.close();
  fifo.close();
  assert(fifo.closed && exists(place.path()));
  fifo[Symbol.dispose]();
  assert(!exists(place.path()));
  fifo[Symbol.dispose]();
});

// Exhaustion and leaks

Deno.test("without descriptors left every step fails cleanly and leaves nothing", async () => {
  using _dog = watchdog("EMFILE");
  using place = new Place();
  await using child = spawnCommand("sh", {
    args: [
      "-c",
      'ulimit -n 200; exec "$@"',
      "sh",
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-lock",
      "--no-check",
      "--allow-all",
      new URL("fifo_limits_child.ts", import.meta.url).pathname,
      place.path(),
    ],
  });
  const { stdout, stderr } = await child.end();
  assertEquals(stderr, "");
  assertEquals(stdout.trim().split(","), [
    "EMFILE",
    "made",
    "EMFILE",
    "made",
    "EMFILE",
    "made",
    "EMFILE",
    "EMFILE",
    "made",
    "EMFILE",
    "made",
    "EMFILE",
    "EMFILE",
    "EMFILE",
    "made",
    "made",
    "made",
  ]);
  assert(!exists(place.path()));
});

Deno.test("many FIFOs, opened and disposed of, leave nothing", async () => {
  using place = new Place();
  for (let i = 0; i < scaled(1000, 10_000); i++) {
    using fifo = Fifo.create(place.path(uniqueName("f")));
    using reader = fifo.openReader();
    using writer = await fifo.openWriter();
    writer.writeSync("x");
    reader.readSync(new Uint8Array(1));
    using _both = i % 2 ? fifo.openReadWrite() : undefined;
  }
  assertEquals(openFds(new RegExp(`^${place.directory}/`)), []);
  assertEquals([...Deno.readDirSync(place.directory)], []);
});
