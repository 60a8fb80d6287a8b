import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { ftok, IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { hasCommand, uniqueName } from "../../util.ts";

/** A file that is deleted at the end of the scope. */
function temporaryFile(): Disposable & { path: string } {
  const path = Deno.makeTempFileSync({ prefix: "libc-ipc-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

Deno.test("ftok() combines the project, the device and the inode", () => {
  using file = temporaryFile();
  const { dev, ino } = Deno.statSync(file.path);
  const expected = (0x7a << 24) | ((dev & 0xff) << 16) |
    ((ino ?? 0) & 0xffff);
  assertEquals(ftok(file.path, "z"), expected);
});

Deno.test("ftok() agrees with the one of Perl", {
  // IPC::SysV belongs to Perl, but some systems package it separately.
  ignore: !hasCommand("perl") ||
    !new Deno.Command("perl", { args: ["-MIPC::SysV", "-e", "1"] })
      .outputSync().success,
}, () => {
  using file = temporaryFile();
  const { stdout } = new Deno.Command("perl", {
    args: [
      "-MIPC::SysV=ftok",
      "-e",
      "print unpack('l', pack('l', ftok($ARGV[0], ord 'd')))",
      file.path,
    ],
  }).outputSync();
  assertEquals(ftok(file.path, "d"), Number(new TextDecoder().decode(stdout)));
});

Deno.test("ftok() uses the lowest eight bits of the project", () => {
  assertEquals(ftok(".", 1), ftok(".", 257));
  assertEquals(ftok(".", -1), ftok(".", 255));
  assertEquals(ftok(".", 0xffff_ffff), ftok(".", 255));
  assertEquals(ftok(".", "ÿ"), ftok(".", 255));
  assertNotEquals(ftok(".", 1), ftok(".", 2));
});

Deno.test("ftok() gives a signed key, as C does", () => {
  assertEquals(ftok(".", 0x80) < 0, true);
  assertEquals(ftok(".", 0x7f) > 0, true);
});

Deno.test("ftok() gives a file made anew another key", () => {
  using file = temporaryFile();
  const key = () => {
    const { ino } = Deno.statSync(file.path);
    return { key: ftok(file.path, "k"), bits: (ino ?? 0) & 0xffff };
  };
  const before = key();
  // Created before the old file is removed, so that it gets another inode.
  const successor = `${file.path}.new`;
  Deno.writeTextFileSync(successor, "");
  Deno.renameSync(successor, file.path);
  const after = key();
  // The keys are equal only if the lowest bits of the two inodes are, too.
  assertEquals(after.key === before.key, after.bits === before.bits);
});

Deno.test("ftok() takes a file: URL, with what it escapes", () => {
  using file = temporaryFile();
  const odd = `${file.path} ü%`;
  Deno.writeTextFileSync(odd, "");
  try {
    const url = new URL(`file://${encodeURI(odd)}`);
    assertEquals(ftok(url, "u"), ftok(odd, "u"));
  } finally {
    Deno.removeSync(odd);
  }
});

Deno.test("ftok() throws ENOENT and ENOTDIR, with the path", () => {
  using file = temporaryFile();
  const missing = uniqueName();
  const error = assertThrows(() => ftok(missing, "x"), IpcError, missing);
  assertEquals(error.code, "ENOENT");
  assertEquals(error.syscall, "ftok");
  assertEquals(
    assertThrows(() => ftok(`${file.path}/x`, "x"), IpcError).code,
    "ENOTDIR",
  );
});

Deno.test("ftok() refuses arguments that cannot be meant", () => {
  assertThrows(() => ftok("", "x"), TypeError, 'path must be a path, got ""');
  assertThrows(() => ftok("a\0b", "x"), TypeError, "NUL");
  assertThrows(
    () => ftok(new URL("https://example.com/x"), "x"),
    TypeError,
    "https://example.com/x",
  );
  assertThrows(() => ftok(".", "xy"), RangeError, '"xy"');
  assertThrows(() => ftok(".", ""), RangeError, '""');
  assertThrows(() => ftok(".", "€"), RangeError, '"€"');
  assertThrows(() => ftok(".", 1.5), RangeError, "1.5");
  assertThrows(() => ftok(".", 2 ** 32), RangeError, "4294967296");
});

Deno.test("IPC_PRIVATE is 0", () => {
  assertEquals(IPC_PRIVATE, 0);
});
