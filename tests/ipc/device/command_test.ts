import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type DeviceCommand,
  type DeviceStatus,
  formatCommand,
  parseCommand,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import {
  formatError,
  formatStatus,
  parseAnswer,
  parseRequest,
} from "../../../ipc/device/command.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("parseCommand() reads every command, however it is spaced", () => {
  const cases: [string, DeviceCommand][] = [
    ["start", { name: "start" }],
    ["  STOP ", { name: "stop" }],
    ["Status\n", { name: "status" }],
    ["exit", { name: "exit" }],
    [
      "config waveform=tri",
      { name: "config", changes: { waveform: "TRI" } },
    ],
    [
      "config\tperiod=.5  interval=1e-3 bits=12 waveform=QUA",
      {
        name: "config",
        changes: { waveform: "QUA", period: 0.5, interval: 0.001, bits: 12 },
      },
    ],
  ];
  for (const [line, command] of cases) {
    assertEquals(parseCommand(line), command);
    assertEquals(parseCommand(formatCommand(command)), command);
  }
});

Deno.test("parseCommand() refuses everything else and shows it", () => {
  const cases: [string, string][] = [
    ["", 'got ""'],
    ["begin", 'got "begin"'],
    ["start now", 'got "now"'],
    ["config", "at least one"],
    ["config foo=1", 'got "foo=1"'],
    ["config period", 'got "period"'],
    ["config period=", 'got "period="'],
    ["config period=two", 'got "two"'],
    ["config period=0x10", 'got "0x10"'],
    ["config period=Infinity", 'got "Infinity"'],
    ["config period=-1", "got -1"],
    ["config period=0", "got 0"],
    ["config period=1 period=2", "period must be given once"],
    ["config interval=0.0000001", "got 1e-7"],
    ["config bits=1", "got 1"],
    ["config bits=12.5", "got 12.5"],
    ["config waveform=SAW", 'got "SAW"'],
    ["config __proto__=1", 'got "__proto__=1"'],
    ["x".repeat(2000), "2000"],
  ];
  for (const [line, shown] of cases) {
    const error = assertThrows(() => parseCommand(line), Error, shown);
    assert(error instanceof TypeError || error instanceof RangeError);
  }
});

Deno.test("formatCommand() checks what it is given", () => {
  assertThrows(
    () => formatCommand({ name: "config", changes: {} }),
    TypeError,
    "at least one",
  );
  assertThrows(
    () => formatCommand({ name: "config", changes: { bits: 99 } }),
    RangeError,
    "got 99",
  );
  assertThrows(
    () => formatCommand({ name: "dance" } as unknown as DeviceCommand),
    TypeError,
    "dance",
  );
});

Deno.test("parseRequest() reads who asks, and what", () => {
  assertEquals(parseRequest(encode("42 status")), {
    reply: 42,
    line: "status",
  });
  // As a C program sends a string.
  assertEquals(parseRequest(encode("2147483647 config bits=8\0")), {
    reply: 2147483647,
    line: "config bits=8",
  });
});

Deno.test("parseRequest() gives up what names nobody to answer", () => {
  const bad = [
    "",
    "status",
    "42",
    "0 status",
    // It would be a request to itself.
    "1 status",
    "-5 status",
    "2147483648 status",
    "99999999999 status",
    "4.5 status",
    "x".repeat(5000),
    `42 ${"x".repeat(9000)}`,
  ];
  for (const text of bad) {
    assertEquals(parseRequest(encode(text)), undefined, text.slice(0, 40));
  }
  assertEquals(
    parseRequest(new Uint8Array([0xff, 0xfe, 0x20, 0x80])),
    undefined,
  );
});

const STATUS: DeviceStatus = {
  key: -5,
  pid: 1,
  transport: "sysv",
  state: "on",
  waveform: "SIN",
  period: 2,
  interval: 0.1,
  bits: 10,
  value: 3,
  time: 0.5,
  samples: 6,
  rate: 10,
  uptime: 1,
  history: 8192,
  clients: undefined,
  commands: 0,
};

Deno.test("parseAnswer() reads what the device writes", () => {
  const { clients: _, ...rest } = STATUS;
  assertEquals(parseAnswer(encode(formatStatus(STATUS))), {
    ok: true,
    status: { ...rest, clients: undefined },
  });
  const error = new IpcError("no", { errno: 22, syscall: "x" });
  assertEquals(parseAnswer(encode(formatError(error))), {
    ok: false,
    code: "EINVAL",
    message: "no",
  });
  assertEquals(
    parseAnswer(encode(formatError(new TypeError("bad\n\x1b[2J")))),
    {
      ok: false,
      code: "EINVAL",
      message: "bad??[2J",
    },
  );
});

Deno.test("parseAnswer() trusts nothing", () => {
  const spoil = (changes: Record<string, unknown>) =>
    `ok ${JSON.stringify({ ...STATUS, ...changes })}`;
  const bad = [
    "",
    "ok",
    "ok ",
    "ok {",
    "ok null",
    "ok []",
    "ok 1",
    "error",
    "error EINVAL",
    "error 22 text",
    spoil({ state: "flying" }),
    spoil({ state: ["on"] }),
    spoil({ waveform: "SAW" }),
    spoil({ transport: null }),
    spoil({ period: "2" }),
    spoil({ samples: null }),
    spoil({ clients: "many" }),
  ];
  for (const text of bad) {
    assertEquals(parseAnswer(encode(text)), undefined, text);
  }
  const extra = parseAnswer(encode(spoil({ evil: 1 })));
  assert(extra?.ok);
  assert(!("evil" in extra.status));
});
