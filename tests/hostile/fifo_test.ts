// FIFOs that others have made or replaced, or hold open without reading.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Fifo, IpcError, Socket } from "@libc/ipc";
import { cstring, sys_stat } from "@libc/ipc/ffi";
import { isPrivileged } from "../conformance/privileges.ts";
import { Place, STREAMS } from "../ipc/core/stream/util.ts";
import { openFds, spawnDeno, until, watchdog } from "../util.ts";
import { type Outcomes, outcomes, play, withStranger } from "./stage.ts";

/** The outcomes for another user in a sticky folder with no access by mode. */
const CLOSED: Outcomes = {
  "create": "EEXIST",
  "openOrCreate": "false",
  "whose it is": "0",
  "openReader": "EACCES",
  "openWriter": "EACCES",
  "openWriterSync": "EACCES",
  "tryOpenWriter": "EACCES",
  "openReadWrite": "EACCES",
  "remove": "EPERM",
  "still there": "true",
};

const READING: Outcomes = { "openReader": "done" };
const WRITING: Outcomes = {
  "openWriter": "ETIMEDOUT",
  "openWriterSync": "ETIMEDOUT",
  "tryOpenWriter": "done",
};

const ALLOWED: [mode: string, allowed: Outcomes][] = [
  ["600", {}],
  ["644", READING],
  ["622", WRITING],
  ["666", { ...READING, ...WRITING, "openReadWrite": "done" }],
];

for (const [mode, allowed] of ALLOWED) {
  Deno.test({
    ...withStranger(`a FIFO of mode 0${mode} and another user`),
    async fn() {
      const found = await play("stranger at a FIFO", mode);
      assertEquals(found, { ...CLOSED, ...allowed });
    },
  });
}

Deno.test({
  ...withStranger("a FIFO that another user has put into a sticky folder"),
  async fn() {
    assertEquals(await play("planted FIFO"), {
      "whose it is": "false 65534",
      "openReader": "done",
      "tryOpenWriter": "done",
      "openReadWrite": "done",
    });
  },
});

const S_IFCHR = 0o020000;

/** What replaces a FIFO, and the error of each open. */
const PLANTS: [what: string, code: string, plant: (path: string) => unknown][] =
  [
    ["nothing", "ENOENT", () => {}],
    [
      "another FIFO",
      "ESTALE",
      (path) => Fifo.create(path, { owner: false }).close(),
    ],
    ["a link to the FIFO", "ELOOP", (path) => Deno.symlinkSync("moved", path)],
    ["a link to a file", "ELOOP", (path) => Deno.symlinkSync("file", path)],
    ["a link to nothing", "ELOOP", (path) => Deno.symlinkSync("none", path)],
    ["a file", "ESTALE", (path) => Deno.writeTextFileSync(path, "planted")],
    [
      "a socket",
      "ESTALE",
      (path) => Socket.listen(path).close(),
    ],
    // The device of /dev/null.
    [
      "a device",
      "ESTALE",
      (path) =>
        sys_stat().mknod(cstring(path, "path"), S_IFCHR | 0o666, 0x103n),
    ],
  ];

for (const [what, code, plant] of PLANTS) {
  const device = what === "a device" && !isPrivileged();
  const skipped = device ? " [skipped: needs CAP_MKNOD]" : "";
  Deno.test({
    name: `Fifo opens nothing when ${what} takes its place${skipped}`,
    ignore: device,
    async fn() {
      using _dog = watchdog(what);
      using place = new Place();
      Deno.writeTextFileSync(place.path("file"), "precious");
      using fifo = Fifo.create(place.path());
      Deno.renameSync(place.path(), place.path("moved"));
      plant(place.path());
      const held = () =>
        openFds(STREAMS).filter((fd) => fd.includes(place.directory)).length;
      assertEquals(held(), 1);
      const listed = () =>
        Array.from(Deno.readDirSync(place.directory), ({ name }) => name)
          .sort().join();
      const names = listed();
      const link = code === "ELOOP";
      assertEquals(
        await outcomes({
          "openReader": () => fifo.openReader(),
          "tryOpenWriter": () => fifo.tryOpenWriter(),
          "openWriter": () => fifo.openWriter(),
          "openWriterSync": () => fifo.openWriterSync(),
          "openReadWrite": () => fifo.openReadWrite(),
          "remove": () => fifo.remove(),
          "dispose": () => fifo[Symbol.dispose](),
        }),
        {
          "openReader": code,
          "tryOpenWriter": code,
          "openWriter": code,
          "openWriterSync": code,
          "openReadWrite": code,
          "remove": link ? "ESTALE" : code,
          "dispose": "done",
        },
      );
      assertEquals(listed(), names);
      assertEquals(Deno.readTextFileSync(place.path("file")), "precious");
      assertEquals(held(), 0, "the handle is closed, and nothing was opened");
    },
  });
}

Deno.test("openWriterSync() that waits ends in time when its FIFO is replaced", async () => {
  using _dog = watchdog("a FIFO that is replaced");
  using place = new Place();
  using _fifo = Fifo.create(place.path("f"));
  await using child = spawnDeno(`
    import { Fifo } from "@libc/ipc/fifo";
    using fifo = Fifo.open(${JSON.stringify(place.path("f"))});
    console.log("opening");
    try {
      fifo.openWriterSync({ timeout: 300 });
    } catch (error) {
      console.log(error.code);
    }`);
  assertEquals(await child.line(), "opening");
  Deno.removeSync(place.path("f"));
  using other = Fifo.create(place.path("f"));
  // A writer that waits for the first FIFO must not get the other one.
  using _reader = other.openReader();
  const code = await child.line();
  assert(["ETIMEDOUT", "ESTALE", "ENOENT"].includes(code), code);
});

Deno.test("a reader goes on while peers open and close all the time", async () => {
  using _dog = watchdog("peers that come and go");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using reader = fifo.openReader();
  await using child = spawnDeno(`
    import { Fifo } from "@libc/ipc/fifo";
    using fifo = Fifo.open(${JSON.stringify(place.path())});
    for (let i = 0; i < 2000; i++) {
      // Half of them write nothing.
      using writer = fifo.openWriterSync();
      if (i % 2 === 0) writer.writeSync("x");
    }`);
  const buffer = new Uint8Array(7);
  let count = 0;
  while (count < 1000) count += await reader.read(buffer) ?? 0;
  assertEquals((await child.end()).code, 0);
  assertEquals(reader.tryRead(buffer), null);
});

Deno.test("a peer that never reads holds up a write, until it is gone", async () => {
  using _dog = watchdog("a peer that never reads");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  await using child = spawnDeno(`
    import { Fifo } from "@libc/ipc/fifo";
    using fifo = Fifo.open(${JSON.stringify(place.path())});
    using reader = fifo.openReader();
    await Deno.stdin.read(new Uint8Array(1));`);
  using writer = await fifo.openWriter();
  await assertRejects(
    () => writer.write(new Uint8Array(1 << 21), { timeout: 5 }),
    IpcError,
    "ETIMEDOUT",
  );
  assertEquals(writer.tryWrite("x"), undefined);
  const waits = writer.write("x");
  let turns = 0;
  await until(() => ++turns > 3);
  child.kill();
  assertEquals((await assertRejects(() => waits, IpcError)).code, "EPIPE");
  assertEquals(fifo.tryOpenWriter(), undefined);
});
