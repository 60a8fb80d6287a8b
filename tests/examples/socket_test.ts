// The programs of examples/socket and fd_passing.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Child, exists, spawnCommand, watchdog } from "../util.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts an example as its README says. */
function example(path: string, ...args: string[]): Child {
  return spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", `examples/${path}`, ...args],
    cwd: ROOT,
  });
}

Deno.test("examples/socket passes on what guests say, and who they are", async () => {
  using _dog = watchdog("examples/socket");
  await using room = example("socket/room.ts");
  assertEquals(await room.line(), "open at /tmp/libc-ipc-room.sock");
  const comes = / of user \d+ comes$/;
  await using first = example("socket/guest.ts");
  assertMatch(await room.line(), comes);
  await using second = example("socket/guest.ts");
  assertMatch(await room.line(), comes);
  assertMatch(await first.line(), comes);
  const uid = Deno.uid();
  await first.write("is anybody there?");
  const said = `guest ${first.pid} of user ${uid}: is anybody there?`;
  assertEquals(await second.line(), said);
  assertEquals(await room.line(), said);
  await second.write("I am");
  assertEquals(
    await first.line(),
    `guest ${second.pid} of user ${uid}: I am`,
  );
  await using rival = example("socket/room.ts");
  const refused = await rival.end();
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /EADDRINUSE.*somebody has that address/);
  const left = await second.end();
  assertEquals([left.code, left.stdout, left.stderr], [0, "left\n", ""]);
  assertMatch(await first.line(), / goes$/);
  room.kill("SIGTERM");
  assertEquals(await first.line(), "the room is closed");
  const { code, stdout, stderr } = await room.end();
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /closed\n$/);
  assert(!exists("/tmp/libc-ipc-room.sock"));
  await using late = example("socket/guest.ts");
  const none = await late.end();
  assertEquals(none.code, 1);
  assertMatch(none.stderr, /ENOENT.*\nIs the room open\?/);
});

Deno.test("examples/socket replaces the file of a room that was killed", async () => {
  using _dog = watchdog("examples/socket after kill");
  await using killed = example("socket/room.ts");
  assertMatch(await killed.line(), /^open/);
  killed.kill();
  await killed.end();
  assert(exists("/tmp/libc-ipc-room.sock"));
  await using room = example("socket/room.ts");
  assertMatch(await room.line(), /^open/);
  room.kill("SIGINT");
  assertEquals((await room.end()).code, 0);
  assert(!exists("/tmp/libc-ipc-room.sock"));
});

Deno.test("examples/fd_passing lends a sealed book and gets a note", async () => {
  using _dog = watchdog("examples/fd_passing");
  await using library = example("fd_passing/library.ts");
  assertEquals(await library.line(), "open at /tmp/libc-ipc-library.sock");
  await using reader = example(
    "fd_passing/reader.ts",
    "sockets",
    "nice",
    "pictures",
  );
  const { code, stdout, stderr } = await reader.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    'Here is "sockets"\nA socket goes both ways.\nIt can carry more than bytes.\n',
  );
  assertEquals(await library.line(), `process ${reader.pid} has "sockets"`);
  assertEquals(
    await library.line(),
    `process ${reader.pid} has given it back: nice pictures`,
  );
  await using other = example("fd_passing/reader.ts", "poems");
  const none = await other.end();
  assertEquals([none.code, none.stdout], [1, 'There is no "poems"\n']);
  library.kill("SIGTERM");
  const ended = await library.end();
  assertEquals([ended.code, ended.stdout, ended.stderr], [0, "closed\n", ""]);
  assert(!exists("/tmp/libc-ipc-library.sock"));
  await using late = example("fd_passing/reader.ts");
  assertMatch((await late.end()).stderr, /ENOENT.*\nIs the library open\?/);
});
