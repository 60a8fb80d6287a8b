import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { NAME_MAX } from "@libc/ipc/ffi";
import {
  createNamed,
  generatedName,
  posixName,
} from "../../../ipc/posix/_name.ts";

Deno.test("posixName() gives a good name back", () => {
  for (
    const name of [
      "/a",
      "/.hidden",
      "/...",
      "/with space",
      "/größe",
      `/${"a".repeat(254)}`,
      `/${"ä".repeat(127)}`,
    ]
  ) assertEquals(posixName(name), name);
});

Deno.test("posixName() refuses a bad name and shows it", () => {
  for (
    const name of [
      "",
      "a",
      "/",
      "//",
      "a/b",
      "/a/b",
      "//a",
      "/a/",
      "/a\0b",
      "/a\0",
      "/.",
      "/..",
      "/\ud800",
      `/${"a".repeat(255)}`,
      `/${"ä".repeat(128)}`,
    ]
  ) {
    const error = assertThrows(() => posixName(name), TypeError);
    assert(error.message.includes(JSON.stringify(name)), error.message);
  }
  for (const name of [undefined, null, 5, {}, ["/a"]]) {
    assertThrows(
      () => posixName(name as string),
      TypeError,
      "name must be a string, got",
    );
  }
});

Deno.test("posixName() takes another limit", () => {
  assertThrows(
    () => posixName("/abc", 3),
    TypeError,
    `name must have at most 3 bytes, not 4, got "/abc"`,
  );
  assertEquals(posixName("/ab", 3), "/ab");
  assertEquals(NAME_MAX, 255);
});

Deno.test("generatedName() gives another name each time", () => {
  const names = new Set(Array.from({ length: 1000 }, () => generatedName()));
  assertEquals(names.size, 1000);
  for (const name of names) assertEquals(posixName(name), name);
  assert(generatedName("/mine-").startsWith("/mine-"));
});

Deno.test("createNamed() tries other names until one is free", () => {
  const tried: string[] = [];
  const made = createNamed(null, (name) => {
    tried.push(name);
    if (tried.length < 3) {
      throw new IpcError("taken", { errno: 17, syscall: "shm_open" });
    }
    return name;
  });
  assertEquals(made, tried[2]);
  assertEquals(new Set(tried).size, 3);
});

Deno.test("createNamed() passes every other error on", () => {
  let calls = 0;
  const fail = (errno: number) => () => {
    calls++;
    throw new IpcError("fails", { errno, syscall: "shm_open" });
  };
  assertEquals(
    assertThrows(() => createNamed(null, fail(28)), IpcError).code,
    "ENOSPC",
  );
  assertEquals(
    assertThrows(() => createNamed("/taken", fail(17)), IpcError).code,
    "EEXIST",
  );
  assertThrows(() => createNamed("bad", fail(17)), TypeError);
  assertEquals(calls, 2);
});
