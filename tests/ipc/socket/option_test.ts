// Options of sockets, by name and by the numbers of C.

import {
  IpcError,
  Pidfd,
  type RawSocketOption,
  Socket,
  type SocketOption,
  spawn,
} from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { isPrivileged } from "../../conformance/privileges.ts";
import { EMULATED, notEmulated, openedSince, openFds } from "../../util.ts";
import { STREAMS } from "../core/stream/util.ts";
import { bytes, LOOPBACK, NO_PYTHON, pair, textOf } from "./util.ts";

const SOL_SOCKET = 1;
const SO_LINGER = { level: SOL_SOCKET, name: 13 };
const SO_PRIORITY = { level: SOL_SOCKET, name: 12 };
const SO_PEERCRED = { level: SOL_SOCKET, name: 17 };
const TCP_CONGESTION = { level: 6, name: 13 };
const IP_TTL = { level: 0, name: 2 };

/** The numbers of the options that have names. */
const NUMBERS: Record<SocketOption, RawSocketOption> = {
  reuseAddress: { level: 1, name: 2 },
  reusePort: { level: 1, name: 15 },
  keepAlive: { level: 1, name: 9 },
  broadcast: { level: 1, name: 6 },
  passCredentials: { level: 1, name: 16 },
  sendBuffer: { level: 1, name: 7 },
  receiveBuffer: { level: 1, name: 8 },
  linger: SO_LINGER,
  noDelay: { level: 6, name: 1 },
  ipv6Only: { level: 41, name: 26 },
  acceptingConnections: { level: 1, name: 30 },
  error: { level: 1, name: 4 },
};

/** Runs code of Python's `socket` module on one of our sockets. */
async function inPython(socket: Socket, code: string): Promise<string> {
  await using child = spawn("python3", {
    args: ["-c", `import socket, struct\ns = socket.socket(fileno=3)\n${code}`],
    fds: { 1: "pipe", 3: socket },
  });
  const text = await new Response(child.stdout?.readable).text();
  assertEquals((await child.status).code, 0);
  return text.trim();
}

function messageOf(call: () => unknown): string {
  return assertThrows(call, TypeError).message;
}

const FEW_OPTIONS = "hands on the options that it knows only";

Deno.test("setOption('linger') takes seconds or null, and getOption gives them back", () => {
  using socket = Socket.open("inet");
  assertStrictEquals(socket.getOption("linger"), null);
  for (const seconds of [5, 0, null, 1]) {
    socket.setOption("linger", seconds);
    assertStrictEquals(socket.getOption("linger"), seconds);
  }
  assertEquals(
    socket.getOption(SO_LINGER, 8),
    new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0]),
  );
  assertThrows(() => socket.setOption("linger", -1), RangeError, "linger must");
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => socket.setOption("linger", true as any),
    TypeError,
    "linger must be a number, got true",
  );
});

Deno.test("close() of a socket that lingers for 0 seconds breaks the connection", async () => {
  using server = Socket.listen(LOOPBACK[0]);
  const address = server.localAddress();
  assert(address !== null);
  for (
    const [linger, code] of [[0, "ECONNRESET"], [null, undefined]] as const
  ) {
    using client = await Socket.connect(address);
    using connection = await server.accept();
    client.setOption("linger", linger);
    client.close();
    if (code === undefined) {
      assertStrictEquals(await connection.receive(), null);
    } else {
      const error = await assertRejects(() => connection.receive(), IpcError);
      assertStrictEquals(error.code, code);
    }
  }
});

Deno.test("getOption() by numbers agrees with every option that has a name", () => {
  using socket = Socket.open("inet6");
  for (const on of [true, false]) {
    for (const [name, raw] of Object.entries(NUMBERS)) {
      const option = name as SocketOption;
      if (!["acceptingConnections", "error", "linger"].includes(option)) {
        if (option.endsWith("Buffer")) {
          socket.setOption(raw, on ? 20_000 : 30_000);
        } else if (option !== "passCredentials") {
          socket.setOption(raw, Number(on));
          assertStrictEquals(socket.getOption(option), on, option);
        }
      }
      if (option === "linger" || option === "passCredentials") continue;
      const named = socket.getOption(option);
      assertStrictEquals(socket.getOption(raw), Number(named), option);
    }
  }
});

Deno.test({
  ...notEmulated(
    `getOption() by numbers agrees with Python${NO_PYTHON}`,
    FEW_OPTIONS,
  ),
  ignore: NO_PYTHON !== "" || EMULATED,
  async fn() {
    const ints = [
      // Before Linux 6.16 every socket had the option for credentials.
      ...Object.values(NUMBERS).filter((option) =>
        option !== SO_LINGER && option !== NUMBERS.passCredentials
      ),
      SO_PRIORITY,
      { level: SOL_SOCKET, name: 3 },
      { level: SOL_SOCKET, name: 39 },
      { level: 6, name: 2 },
      { level: 6, name: 4 },
      { level: 41, name: 16 },
    ];
    const sizes: [RawSocketOption, number][] = [
      [SO_LINGER, 8],
      [SO_LINGER, 5],
      [SO_LINGER, 64],
      [TCP_CONGESTION, 16],
      [TCP_CONGESTION, 3],
      [{ level: SOL_SOCKET, name: 57 }, 8], // SO_COOKIE
      [{ level: SOL_SOCKET, name: 20 }, 16], // SO_RCVTIMEO
    ];
    using socket = Socket.open("inet6");
    socket.setOption("linger", 77);
    socket.setOption(SO_PRIORITY, 5);
    const answer = await inPython(
      socket,
      [
        ...ints.map(({ level, name }) =>
          `print(s.getsockopt(${level}, ${name}))`
        ),
        ...sizes.map(([{ level, name }, size]) =>
          `print(s.getsockopt(${level}, ${name}, ${size}).hex())`
        ),
      ].join("\n"),
    );
    assertEquals(answer.split("\n"), [
      ...ints.map((option) => String(socket.getOption(option))),
      ...sizes.map(([option, size]) => socket.getOption(option, size).toHex()),
    ]);
  },
});

Deno.test({
  name: `setOption() by numbers sets what Python then finds${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using socket = Socket.open("inet");
    socket.setOption(IP_TTL, 33);
    socket.setOption(TCP_CONGESTION, bytes("reno"));
    const linger = new Uint8Array(new SharedArrayBuffer(12));
    linger.set([1, 0, 0, 0, 9, 1, 0, 0], 2);
    socket.setOption(SO_LINGER, linger.subarray(2, 10));
    socket.setOption(SO_PRIORITY, new Uint8Array([4, 0, 0, 0]));
    assertEquals(
      await inPython(
        socket,
        `print(s.getsockopt(0, 2), s.getsockopt(6, 13, 16).rstrip(b"\\0").decode(),
struct.unpack("ii", s.getsockopt(1, 13, 8)), s.getsockopt(1, 12))`,
      ),
      "33 reno (1, 265) 4",
    );
    assertStrictEquals(socket.getOption("linger"), 265);
  },
});

Deno.test(
  notEmulated(
    "getOption() by numbers cuts to the size, and needs one for what is no int",
    FEW_OPTIONS,
  ),
  () => {
    using both = pair();
    const credentials = both.a.getOption(SO_PEERCRED, 12);
    const { pid, uid, gid } = both.a.peerCredentials();
    assertEquals([...new Uint32Array(credentials.buffer)], [pid, uid, gid]);
    for (const size of [1, 4, 11]) {
      const cut = both.a.getOption(SO_PEERCRED, size);
      assertEquals(cut, credentials.slice(0, size));
      assertStrictEquals(cut.buffer.byteLength, size);
    }
    const roomy = both.a.getOption(SO_PEERCRED, 1 << 20);
    assertEquals(roomy, credentials);
    assertStrictEquals(roomy.buffer.byteLength, 12, "keeps no more than that");
    using socket = Socket.open("inet");
    for (
      const [one, option] of [
        [both.a, SO_PEERCRED],
        [both.a, SO_LINGER],
        [socket, TCP_CONGESTION],
      ] as const
    ) {
      assertMatch(
        messageOf(() => one.getOption(option)),
        /^Cannot read option \d+ of level \d of .* as an int: give the size of its value$/,
      );
    }
  },
);

Deno.test("options by numbers are integers, their values an int or bytes", () => {
  using socket = Socket.open("inet");
  const { level, name } = IP_TTL;
  const ttl = socket.getOption(IP_TTL);
  for (const wrong of [-1, 0.5, NaN, 2 ** 31]) {
    for (const option of [{ level: wrong, name }, { level, name: wrong }]) {
      assertThrows(() => socket.getOption(option), RangeError, "from 0 to");
      assertThrows(() => socket.getOption(option, 4), RangeError, "from 0 to");
      assertThrows(() => socket.setOption(option, 1), RangeError, "from 0 to");
    }
  }
  for (const size of [0, -1, 1.5, 2 ** 20 + 1, 2 ** 32]) {
    assertThrows(() => socket.getOption(IP_TTL, size), RangeError, "size must");
  }
  for (const value of [2 ** 31, -(2 ** 31) - 1, 1.5]) {
    assertThrows(() => socket.setOption(IP_TTL, value), RangeError, "value");
  }
  const long = new Uint8Array(2 ** 20 + 1);
  assertThrows(() => socket.setOption(IP_TTL, long), RangeError, "length of");
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  const wrong = socket as any;
  for (const value of [true, "1", null, undefined, [1], new ArrayBuffer(4)]) {
    assertThrows(
      () => wrong.setOption(IP_TTL, value),
      TypeError,
      "value must be a number or a Uint8Array, got",
    );
  }
  assertThrows(() => wrong.getOption({}), TypeError, "level must be a number");
  assertThrows(() => wrong.getOption({ level }), TypeError, "name must be");
  assertThrows(() => wrong.getOption(5), TypeError, "option must be one of");
  assertThrows(() => wrong.getOption(null), TypeError, "got null");
  assertThrows(
    () => wrong.getOption("linger", 8),
    TypeError,
    "size must not be given for an option by name, got 8",
  );
  assertStrictEquals(socket.getOption(IP_TTL), ttl);
});

Deno.test("options by numbers fail with what the kernel says", () => {
  using socket = Socket.open("unix");
  const none = { level: SOL_SOCKET, name: 9999 };
  const calls = [
    [() => socket.getOption(none), "ENOPROTOOPT", "getsockopt"],
    [() => socket.getOption(none, 100), "ENOPROTOOPT", "getsockopt"],
    [() => socket.setOption(none, 1), "ENOPROTOOPT", "setsockopt"],
    [() => socket.getOption(IP_TTL), "EOPNOTSUPP", "getsockopt"],
    [
      () => socket.setOption(SO_LINGER, new Uint8Array(7)),
      "EINVAL",
      "setsockopt",
    ],
    [
      () => socket.setOption(SO_LINGER, new Uint8Array()),
      "EINVAL",
      "setsockopt",
    ],
  ] as const;
  for (const [call, code, syscall] of calls) {
    const error = assertThrows(call, IpcError);
    assertEquals([error.code, error.syscall], [code, syscall], `${call}`);
    assertMatch(error.message, /^Cannot (read|set) option \d+ of level \d of /);
  }
});

Deno.test({
  ...notEmulated(
    `options that would have the kernel read or write elsewhere are refused${NO_PYTHON}`,
    FEW_OPTIONS,
  ),
  ignore: NO_PYTHON !== "" || EMULATED,
  async fn() {
    using socket = Socket.open("inet");
    // A filter of a hundred instructions that accepts everything, to be read
    // back. Without privileges this fails if the memory for filters is used up.
    const filtered = isPrivileged();
    await inPython(
      socket,
      !filtered ? "pass" : `import ctypes
program = struct.pack("HBBI", 0, 0, 0, 0) * 99 + struct.pack("HBBI", 6, 0, 0, 65535)
memory = ctypes.create_string_buffer(program)
s.setsockopt(1, 26, struct.pack("HxxxxxxQ", 100, ctypes.addressof(memory)))`,
    );
    for (const size of [100, 799, 800]) {
      assertMatch(
        messageOf(() => socket.getOption({ level: 1, name: 26 }, size)),
        /: the kernel writes more than its size$/,
      );
    }
    const address = /: its value holds an address of memory$/;
    assertMatch(messageOf(() => socket.getOption({ level: 1, name: 26 })), /./);
    assertMatch(
      messageOf(() => socket.getOption({ level: 6, name: 35 }, 40)),
      address,
    );
    for (
      const [level, names] of [
        [1, [26, 51]],
        [0, [64, 96, 128, 129]],
        [41, [64]],
      ] as const
    ) {
      for (const name of names) {
        const option = { level, name };
        const set = (value: number | Uint8Array) => () =>
          socket.setOption(option, value);
        assertMatch(messageOf(set(new Uint8Array(64))), address);
        assertMatch(messageOf(set(1)), address);
      }
    }
    // The value for detaching a filter holds no address.
    if (filtered) socket.setOption({ level: 1, name: 27 }, 0);
  },
});

Deno.test(
  notEmulated(
    "options that would change how it waits or looks ahead are refused, and can be read",
    FEW_OPTIONS,
  ),
  () => {
    using both = pair();
    for (const name of [20, 21, 66, 67]) {
      const option = { level: SOL_SOCKET, name };
      assertMatch(
        messageOf(() => both.a.setOption(option, new Uint8Array(16))),
        /^Cannot set option \d+ of level 1 of unix stream socket .*: its waits take \{ timeout \}$/,
      );
      assertEquals(both.a.getOption(option, 16), new Uint8Array(16));
    }
    const peek = { level: SOL_SOCKET, name: 42 };
    assertMatch(messageOf(() => both.a.setOption(peek, 0)), /looks ahead$/);
    assertStrictEquals(both.a.getOption(peek), -1);
    both.a.sendSync("as ever");
    assertStrictEquals(textOf(both.b.receiveSync()), "as ever");
  },
);

const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
const NO_PIDFD = major * 1000 + minor >= 6005
  ? ""
  : " [skipped: no SO_PEERPIDFD before Linux 6.5]";

Deno.test({
  name:
    `getOption() of a new descriptor gives its number, to be taken over${NO_PIDFD}`,
  ignore: NO_PIDFD !== "",
  fn() {
    using both = pair();
    const before = openFds(STREAMS);
    {
      const number = both.a.getOption({ level: SOL_SOCKET, name: 77 });
      using peer = Pidfd.fromFd(number, { takeOver: true });
      assertStrictEquals(peer.pid, Deno.pid);
    }
    assertEquals(openedSince(before, STREAMS), []);
  },
});
