// Addresses of sockets: paths and their files, abstract names, ports.

import { IpcError, Socket, type UnixAddress } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  codeOf,
  exists,
  openFds,
  spawnCommand,
  spawnDeno,
  watchdog,
} from "../../util.ts";
import { FILES } from "../memory/process_state.ts";
import {
  abstractName,
  bytes,
  folder,
  LOOPBACK,
  NO_PYTHON,
  pair,
  python,
  receiver,
  textOf,
} from "./util.ts";

/** Creates a socket file that no socket uses any more. */
function makeStale(path: string, type: "stream" | "datagram" = "stream"): void {
  const dead = Socket.open("unix", type);
  dead.bind(path, { owner: false });
  dead.close();
}

// Names

Deno.test("bind() to a path makes its file, for the owner only", () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  using socket = Socket.open("unix");
  socket.bind(path);
  assertEquals(socket.localAddress(), { family: "unix", path });
  const { mode, isSocket } = Deno.statSync(path);
  assert(isSocket);
  assertEquals((mode ?? 0) & 0o7777, 0o600);
});

Deno.test("bind() gives the file the mode asked for, less the umask", async () => {
  using dir = folder();
  await using child = spawnCommand("sh", {
    args: [
      "-c",
      'umask 027; exec "$@"',
      "sh",
      Deno.execPath(),
      "run",
      "--quiet",
      "--allow-ffi",
      `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
      `data:application/typescript,${
        encodeURIComponent(`import { Socket } from "@libc/ipc/socket";
        using a = Socket.listen("${dir.path}/a", { mode: 0o666 });
        using b = Socket.listen("${dir.path}/b", { mode: 0o666, ignoreUmask: true });
        using c = Socket.listen("${dir.path}/c", { mode: 0 });
        console.log("bound");
        await Deno.stdin.read(new Uint8Array(1));`)
      }`,
    ],
  });
  assertEquals(await child.line(), "bound");
  const modes = ["a", "b", "c"].map((name) =>
    (Deno.statSync(`${dir.path}/${name}`).mode ?? 0) & 0o7777
  );
  assertEquals(modes, [0o640, 0o666, 0]);
  await child.end();
  assert(!exists(`${dir.path}/a`), "removed at the end of its scope");
});

Deno.test("bind() refuses a mode that is none", () => {
  using socket = Socket.open("unix");
  assertThrows(
    () => socket.bind(abstractName(), { mode: 0o10000 }),
    RangeError,
    "mode must be permission bits from 0 to 0o7777",
  );
});

Deno.test("bind() takes a path of 107 bytes and refuses one of 108", async () => {
  using dir = folder();
  const longest = `${dir.path}/`.padEnd(107, "x");
  using server = Socket.listen(longest);
  using _client = await Socket.connect(longest);
  assertEquals(server.localAddress(), { family: "unix", path: longest });
  for (const path of [`${longest}x`, `${dir.path}/`.padEnd(60, "€")]) {
    using socket = Socket.open("unix");
    assertThrows(
      () => socket.bind(path),
      RangeError,
      "path must be at most 107 bytes, got 1",
    );
  }
  const tooLong = `${longest}xx`;
  await assertRejects(
    () => Socket.connect(tooLong),
    RangeError,
    "path must be at most 108 bytes, got 109",
  );
});

Deno.test({
  name:
    `connect() reaches a path of 108 bytes that another program has bound${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using dir = folder();
    const path = `${dir.path}/`.padEnd(108, "x");
    const code = `import ctypes, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
address = b"\\1\\0" + sys.argv[1].encode()
assert ctypes.CDLL(None).bind(s.fileno(), address, len(address)) == 0
s.listen()
print("bound", flush=True)
c, _ = s.accept()
c.send(b"from the long path")
sys.stdin.read()`;
    await using child = spawnCommand("python3", { args: ["-c", code, path] });
    assertEquals(await child.line(), "bound");
    using client = await Socket.connect(path);
    assertEquals(client.peerAddress(), { family: "unix", path });
    assertEquals(textOf(await client.receive()), "from the long path");
    await child.end();
  },
});

Deno.test("an abstract name may have 108 bytes and NULs inside, and is no file", async () => {
  const inner = `${abstractName()}\0a\0b`;
  using other = Socket.listen(`${inner}\0`);
  using server = Socket.listen(inner);
  using client = await Socket.connect(inner);
  assertEquals(client.peerAddress(), { family: "unix", path: inner });
  server.acceptSync().close();
  assertStrictEquals(other.tryAccept(), undefined, "another name");
  const longest = abstractName().padEnd(108, "x");
  using long = Socket.listen(longest);
  assertEquals(long.localAddress(), { family: "unix", path: longest });
  assertThrows(() => Socket.listen(`${longest}x`), RangeError, "at most 108");
});

Deno.test("an abstract name is free again when its socket is closed", () => {
  const name = abstractName();
  const first = Socket.listen(name);
  const error = assertThrows(() => Socket.listen(name), IpcError);
  assertEquals([error.code, error.syscall], ["EADDRINUSE", "bind"]);
  first.close();
  using _second = Socket.listen(name);
});

Deno.test("a path with a NUL, an empty one and wrong kinds are refused", async () => {
  using socket = Socket.open("unix");
  for (const path of ["/tmp/a\0b", "a\0"]) {
    assertThrows(
      () => socket.bind(path),
      TypeError,
      `path must not be empty, nor contain a NUL but as its first character, got ${
        JSON.stringify(path)
      }`,
    );
  }
  await assertRejects(() => socket.connect(""), TypeError, "must not be empty");
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  const wrong = (address: any) => () => socket.connectSync(address);
  assertThrows(wrong(5), TypeError, "address must be a string or have");
  assertThrows(wrong(null), TypeError, "got null");
  assertThrows(wrong({ family: "vsock" }), TypeError, "got an object");
  assertThrows(wrong({ family: "unix" }), TypeError, "path must be a string");
  assertThrows(
    wrong({ family: "unix", path: "x", bytes: "x" }),
    TypeError,
    'bytes must be a Uint8Array, got "x"',
  );
});

Deno.test("bind() to an empty name lets the kernel choose one, to reply to", async () => {
  using both = receiver();
  using client = Socket.open("unix", "datagram");
  client.bind("");
  const address = client.localAddress();
  assert(address?.family === "unix");
  assertMatch(address.path, /^\0[0-9a-f]{5}$/);
  await client.sendTo("question", both.name);
  const { data, address: sender } = await both.socket.receiveFrom();
  assertEquals(textOf(data), "question");
  assertEquals(sender, address);
  await both.socket.sendTo("answer", address);
  assertEquals(textOf(await client.receive()), "answer");
});

Deno.test("an address is null where a Unix socket has none", async () => {
  using both = pair();
  assertStrictEquals(both.a.localAddress(), null);
  assertStrictEquals(both.a.peerAddress(), null);
  using alone = Socket.open("unix");
  assertStrictEquals(alone.localAddress(), null);
  const error = assertThrows(() => alone.peerAddress(), IpcError);
  assertEquals([error.code, error.syscall], ["ENOTCONN", "getpeername"]);
  using target = receiver();
  using nameless = Socket.open("unix", "datagram");
  await nameless.sendTo("x", target.name);
  assertStrictEquals(target.socket.receiveFromSync().address, null);
});

Deno.test({
  name:
    `a name that is no UTF-8 has its bytes, and can be answered${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("a name that is no UTF-8");
    using server = receiver();
    const code = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(b"\\0\\xff\\xfe" + sys.argv[1].encode())
s.sendto(b"hello", b"\\0" + sys.argv[1].encode())
print(s.recv(100).decode())`;
    const answered = python(code, server.name.slice(1));
    const { address } = await server.socket.receiveFrom();
    assert(address?.family === "unix");
    assertEquals(address.bytes?.subarray(0, 3), new Uint8Array([0, 255, 254]));
    assert(address.path.startsWith("\0\ufffd\ufffd"));
    await server.socket.sendTo("answer", address);
    assertEquals(await answered, "answer");
    // A path given as bytes creates a file that the library does not remove.
    using dir = folder();
    const odd = oddAddress(dir.path, "");
    {
      using socket = Socket.open("unix");
      socket.bind(odd);
      assertEquals(socket.localAddress(), odd);
    }
    assertEquals([...Deno.readDirSync(dir.path)].length, 1);
  },
});

/** An address of a file whose path is not valid UTF-8. */
function oddAddress(folder: string, name: string): UnixAddress {
  return {
    family: "unix",
    path: `${folder}/${name}\ufffd`,
    bytes: new Uint8Array([...bytes(`${folder}/${name}`), 255]),
  };
}

Deno.test({
  name:
    `bind() to a path in bytes makes its file with the mode asked for${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using dir = folder();
    using _plain = Socket.listen(oddAddress(dir.path, "a"));
    using _open = Socket.listen(oddAddress(dir.path, "b"), { mode: 0o200 });
    // Deno cannot name such files either.
    const code = `import os, sys
for name in sorted(os.listdir(sys.argv[1].encode())):
    path = os.path.join(sys.argv[1].encode(), name)
    print(name[:1].decode(), oct(os.stat(path).st_mode & 0o7777))`;
    assertEquals(await python(code, dir.path), "a 0o600\nb 0o200");
  },
});

Deno.test("bind() and listen() refuse options of a file where there is none", () => {
  const name = abstractName();
  const [inet, inet6] = LOOPBACK;
  const inBytes = (path: string): UnixAddress => (
    { family: "unix", path, bytes: bytes(path) }
  );
  const none = [
    [name, "an abstract name has no file"],
    ["", "an abstract name has no file"],
    [inBytes(name), "an abstract name has no file"],
    [inBytes(""), "an abstract name has no file"],
    [inet, "an Internet address has no file"],
    [inet6, "an Internet address has no file"],
  ] as const;
  const options = {
    mode: 0o666,
    ignoreUmask: true,
    replaceStale: true,
  } as const;
  const before = openFds(FILES);
  for (const [address, why] of none) {
    for (const [option, value] of Object.entries(options)) {
      const message = assertThrows(
        () => Socket.listen(address, { [option]: value }),
        TypeError,
      ).message;
      assertMatch(message, new RegExp(`^${option} must not be given for `));
      assert(message.endsWith(`: ${why}`), message);
      using socket = Socket.open(
        typeof address === "string" ? "unix" : address.family,
      );
      assertThrows(
        () => socket.bind(address, { [option]: value }),
        TypeError,
        why,
      );
      // It was refused before anything happened.
      socket.bind(address, { mode: undefined, replaceStale: false });
    }
  }
  using dir = folder();
  const odd = oddAddress(dir.path, "odd");
  for (const option of ["ignoreUmask", "replaceStale"]) {
    assertThrows(
      () => Socket.listen(odd, { [option]: true }),
      TypeError,
      "a path in bytes cannot be looked up",
    );
  }
  assertEquals([...Deno.readDirSync(dir.path)].length, 0);
  assertEquals(openFds(FILES), before);
});

Deno.test("Internet addresses are numeric, and their ports are ports", () => {
  using socket = Socket.open("inet");
  for (const address of ["localhost", "127.0.0.1.1", "", "::1", "1.2.3.256"]) {
    assertThrows(
      () => socket.bind({ family: "inet", address, port: 0 }),
      TypeError,
      `address must be a numeric IPv4 address, got "${address}"`,
    );
  }
  assertThrows(
    () => socket.bind({ family: "inet6", address: "127.0.0.1", port: 0 }),
    TypeError,
    "address must be a numeric IPv6 address",
  );
  assertThrows(
    () => socket.bind({ family: "inet", address: "127.0.0.1\0", port: 0 }),
    TypeError,
    "address must not contain a NUL",
  );
  for (const port of [-1, 65536, 1.5, NaN]) {
    assertThrows(
      () => socket.bind({ family: "inet", address: "127.0.0.1", port }),
      RangeError,
      "port must be an integer from 0 to 65535",
    );
  }
});

Deno.test("Internet sockets have an address before and after bind()", () => {
  using socket = Socket.open("inet", "datagram");
  const none = { family: "inet", address: "0.0.0.0", port: 0 } as const;
  assertEquals(socket.localAddress(), none);
  socket.bind({ ...none, address: "127.0.0.1" });
  const address = socket.localAddress();
  assert(address?.family === "inet");
  assertEquals(address.address, "127.0.0.1");
  assert(address.port > 0);
  using second = Socket.open("inet", "datagram");
  assertEquals(codeOf(() => second.bind(address)), "EADDRINUSE");
  assertEquals(codeOf(() => socket.bind(none)), "EINVAL", "has one already");
});

Deno.test("bind() of an address of another family is the kernel's error", () => {
  using inet = Socket.open("inet");
  assertEquals(codeOf(() => inet.bind(abstractName())), "EAFNOSUPPORT");
  using unix = Socket.open("unix");
  assertEquals(
    codeOf(() => unix.bind({ family: "inet", address: "127.0.0.1", port: 0 })),
    "EINVAL",
  );
});

// Files

Deno.test("dispose removes the file of an owner, close() does not", () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  {
    using owner = Socket.listen(path);
    owner.close();
    assert(exists(path));
  }
  assert(!exists(path));
  {
    using _guest = Socket.listen(path, { owner: false });
  }
  assert(exists(path));
});

Deno.test("remove() removes the file once, while the socket goes on", async () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  using server = Socket.listen(path);
  using client = await Socket.connect(path);
  server.remove();
  assert(!exists(path));
  using connection = await server.accept();
  connection.sendSync("still");
  assertEquals(textOf(client.receiveSync()), "still");
  assertThrows(
    () => server.remove(),
    TypeError,
    "Cannot remove the file of the unix stream socket",
  );
  using nameless = Socket.listen(abstractName());
  assertThrows(() => nameless.remove(), TypeError, "it owns none");
});

Deno.test("remove() and dispose never touch what has taken the file's place", () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  {
    using server = Socket.listen(path);
    Deno.renameSync(path, `${path}.old`);
    Deno.writeTextFileSync(path, "not a socket");
    const error = assertThrows(() => server.remove(), IpcError, "its place");
    assertEquals(error.code, "ESTALE");
  }
  assertEquals(Deno.readTextFileSync(path), "not a socket");
  Deno.removeSync(path);
  {
    using server = Socket.listen(path);
    Deno.removeSync(path);
    assertEquals(codeOf(() => server.remove()), "ENOENT");
  }
  {
    using _server = Socket.listen(path);
    Deno.renameSync(path, `${path}.older`);
    Deno.symlinkSync(`${path}.older`, path);
  }
  assert(exists(path) && exists(`${path}.older`));
});

Deno.test("a relative path is removed also from another working directory", async () => {
  using dir = folder();
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    const server = Socket.listen("s");
    console.log(server.localAddress().path, [...Deno.readDirSync(".")].length);
    Deno.chdir("/");
    server[Symbol.dispose]();
    console.log([...Deno.readDirSync(Deno.args[0])].length);`,
    { cwd: dir.path, args: [dir.path], permissions: ["--allow-all"] },
  );
  assertEquals(await child.line(), "s 1");
  assertEquals(await child.line(), "0");
});

Deno.test("bind() tells a stale file from a live one, and replaces it only on request", async () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  for (const type of ["stream", "datagram"] as const) {
    makeStale(path, type);
    const error = assertThrows(() => Socket.listen(path), IpcError);
    assertEquals([error.code, error.syscall], ["EADDRINUSE", "bind"]);
    assertMatch(
      error.message,
      /: nobody answers there: replaceStale takes its place$/,
    );
    using server = Socket.listen(path, { replaceStale: true });
    using _client = await Socket.connect(path);
    server.acceptSync().close();
  }
  assert(!exists(path));
});

Deno.test("bind() never replaces a live one, whatever its type and state", async () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  for (
    const [type, listens] of [
      ["stream", true],
      ["stream", false],
      ["seqpacket", true],
      ["seqpacket", false],
      ["datagram", false],
    ] as const
  ) {
    using live = Socket.open("unix", type);
    live.bind(path);
    if (listens) live.listen();
    const { ino } = Deno.statSync(path);
    for (const replaceStale of [false, true]) {
      for (const other of ["stream", "datagram"] as const) {
        using socket = Socket.open("unix", other);
        assertThrows(
          () => socket.bind(path, { replaceStale }),
          IpcError,
          "somebody has that address",
        );
      }
    }
    assertEquals(Deno.statSync(path).ino, ino);
    // The check did not disturb it.
    if (listens) assertStrictEquals(live.tryAccept(), undefined);
    if (type === "datagram") assertStrictEquals(live.tryReceive(), undefined);
    if (!listens) continue;
    using client = Socket.open("unix", type);
    await client.connect(path);
    live.acceptSync().close();
  }
});

Deno.test("bind() never replaces what is no socket, or a symbolic link", () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  const options = { replaceStale: true };
  const refused = () =>
    assertThrows(() => Socket.listen(path, options), IpcError, "is no socket");
  Deno.writeTextFileSync(path, "precious");
  refused();
  assertEquals(Deno.readTextFileSync(path), "precious");
  Deno.removeSync(path);
  Deno.mkdirSync(path);
  refused();
  Deno.removeSync(path);
  makeStale(`${dir.path}/stale`);
  for (const target of [`${dir.path}/stale`, "nowhere"]) {
    Deno.symlinkSync(target, path);
    refused();
    assertEquals(Deno.readLinkSync(path), target);
    Deno.removeSync(path);
  }
  assert(exists(`${dir.path}/stale`));
});

Deno.test("bind() replaces no stale file while somebody keeps its folder locked", () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  makeStale(path);
  {
    using lock = Deno.openSync(dir.path);
    lock.lockSync(true);
    assertThrows(
      () => Socket.listen(path, { replaceStale: true }),
      IpcError,
      "another process keeps that folder locked",
    );
  }
  using _server = Socket.listen(path, { replaceStale: true });
});

Deno.test("bind() of six processes at once over a stale file: one gets it, and keeps it", async () => {
  using _dog = watchdog("replaceStale of many");
  using dir = folder();
  const path = `${dir.path}/s`;
  const code = `
    import { Socket } from "@libc/ipc/socket";
    const path = ${JSON.stringify(path)};
    console.log("ready");
    for await (const _line of Deno.stdin.readable) {
      try {
        const server = Socket.listen(path, { replaceStale: true, owner: false });
        console.log("mine");
        (async () => {
          for await (const one of server.connections({ unref: true })) {
            one.sendSync(String(Deno.pid));
            one.close();
          }
        })();
      } catch (error) {
        console.log(error.code);
      }
    }`;
  for (let round = 0; round < 2; round++) {
    await using stack = new AsyncDisposableStack();
    const children = Array.from(
      { length: 6 },
      () => stack.use(spawnDeno(code)),
    );
    for (const child of children) assertEquals(await child.line(), "ready");
    // The second round finds the file of the process that was killed.
    if (round === 0) makeStale(path);
    for (const child of children) await child.write("go");
    const answers = await Promise.all(children.map((child) => child.line()));
    assertEquals(answers.toSorted(), [
      ...Array.from({ length: 5 }, () => "EADDRINUSE"),
      "mine",
    ]);
    using client = await Socket.connect(path);
    const winner = children[answers.indexOf("mine")];
    assertEquals(textOf(await client.receive()), String(winner?.pid));
    assertNotEquals(answers[0], undefined);
  }
});
