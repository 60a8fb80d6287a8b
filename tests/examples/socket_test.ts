// The programs of examples/socket and fd_passing.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { exists } from "../util.ts";
import { rest, Stage } from "./_stage.ts";

Deno.test("examples/socket passes on what guests say, and who they are", async () => {
  using stage = new Stage("socket");
  await using room = stage.start("room.ts");
  assertEquals(await room.line(), "open at room.sock");
  const comes = / of user \d+ comes$/;
  await using first = stage.start("guest.ts");
  assertMatch(await room.line(), comes);
  await using second = stage.start("guest.ts");
  assertMatch(await room.line(), comes);
  assertMatch(await first.line(), comes);
  const uid = Deno.uid();
  await first.write("is anybody there?");
  const said = `guest ${first.pid} of user ${uid}: is anybody there?`;
  assertEquals(await second.line(), said);
  assertEquals(await room.line(), said);
  await second.write("I am");
  assertEquals(await first.line(), `guest ${second.pid} of user ${uid}: I am`);
  // A second room.ts in the same directory.
  const refused = await stage.fail("room.ts");
  assertMatch(refused, /EADDRINUSE.*somebody has that address/);
  assertEquals(await rest(second), ["left"]);
  assertMatch(await first.line(), / goes$/);
  room.kill("SIGTERM");
  assertEquals(await first.line(), "the room is closed");
  assertEquals((await rest(room)).at(-1), "closed");
  assert(!exists(`${stage.path}/room.sock`));
  assertMatch(await stage.fail("guest.ts"), /ENOENT.*\nIs the room open\?/);
});

Deno.test("examples/socket replaces the file of a room that was killed", async () => {
  using stage = new Stage("socket");
  const file = `${stage.path}/room.sock`;
  await using killed = stage.start("room.ts");
  assertMatch(await killed.line(), /^open/);
  killed.kill();
  await killed.end();
  assert(exists(file));
  await using room = stage.start("room.ts");
  assertMatch(await room.line(), /^open/);
  room.kill("SIGINT");
  assertEquals(await rest(room), ["closed"]);
  assert(!exists(file));
});

Deno.test("examples/fd_passing lends a sealed book and gets a note", async () => {
  using stage = new Stage("fd_passing");
  await using library = stage.start("library.ts");
  assertEquals(await library.line(), "open at library.sock");
  await using reader = stage.start("reader.ts", "sockets", "nice", "pictures");
  assertEquals(await rest(reader), [
    'Here is "sockets"',
    "A socket goes both ways.",
    "It can carry more than bytes.",
  ]);
  assertEquals(await library.line(), `process ${reader.pid} has "sockets"`);
  assertEquals(
    await library.line(),
    `process ${reader.pid} has given it back: nice pictures`,
  );
  await using other = stage.start("reader.ts", "poems");
  const none = await other.end();
  assertEquals([none.code, none.stdout], [1, 'There is no "poems"\n']);
  library.kill("SIGTERM");
  assertEquals(await rest(library), ["closed"]);
  assert(!exists(`${stage.path}/library.sock`));
  assertMatch(await stage.fail("reader.ts"), /ENOENT.*\nIs the library open\?/);
});
