import { assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import {
  Heartbeat,
  isUnfinished,
  readHeader,
  silence,
  writeHeader,
} from "../../../../ipc/device/memory/header.ts";
import {
  Header,
  HEADER_OFFSET,
  RING_OFFSET,
} from "../../../../ipc/device/memory/layout.ts";
import { plainMemory, ringMemory } from "./samples.ts";

const IDENTITY = { pid: 42, startTime: 7n, namespace: 9n };
const at = (field: keyof typeof Header.offsets) =>
  HEADER_OFFSET + Header.offsets[field];

function header() {
  const [memory] = ringMemory(16);
  writeHeader(memory, IDENTITY, 16);
  return { memory, view: new DataView(memory.memory()) };
}

Deno.test("readHeader() gives what writeHeader() wrote", () => {
  const { memory } = header();
  assertEquals(readHeader(memory, "it"), {
    kind: "device",
    header: {
      identity: IDENTITY,
      ring: { offset: RING_OFFSET, capacity: 16 },
    },
  });
});

Deno.test("readHeader() takes what is no header of this version for a C struct", () => {
  const cases: [(view: DataView) => void, string][] = [
    [(v) => v.setUint8(at("magic"), 0), "no header"],
    [(v) => v.setUint32(at("version"), 2, true), "version 2 and not 1"],
    [(v) => v.setUint8(at("layout"), 0), "another layout"],
  ];
  for (const [spoil, why] of cases) {
    const { memory, view } = header();
    spoil(view);
    const found = readHeader(memory, "it");
    assertEquals(found.kind, "plain");
    assertEquals(found.kind === "plain" && found.why.includes(why), true, why);
  }
  assertEquals(readHeader(plainMemory(32), "it").kind, "plain");
  assertEquals(readHeader(plainMemory(255), "it").kind, "plain");
});

Deno.test("readHeader() refuses a ring that cannot be", () => {
  const cases: [keyof typeof Header.offsets, number][] = [
    ["ringCapacity", 0],
    ["ringCapacity", 1],
    ["ringCapacity", 3],
    ["ringCapacity", 15],
    ["ringCapacity", 32],
    ["ringCapacity", 0x8000_0000],
    ["ringCapacity", 0xffff_ffff],
    ["ringOffset", 0],
    ["ringOffset", RING_OFFSET - 8],
    ["ringOffset", RING_OFFSET + 4],
    ["ringOffset", RING_OFFSET + 8],
    ["ringOffset", 0xffff_fff8],
    ["pid", 0],
    ["pid", 0xffff_ffff],
  ];
  for (const [field, value] of cases) {
    const { memory, view } = header();
    view.setUint32(at(field), value, true);
    const error = assertThrows(
      () => readHeader(memory, "it"),
      IpcError,
      "Cannot read it: its",
    );
    assertEquals(error.code, "EBADMSG", `${field} ${value}`);
  }
  assertThrows(() => readHeader(plainMemory(31), "it"), IpcError, "31 bytes");
});

Deno.test("isUnfinished() knows memory whose device has not written the header", () => {
  const [memory] = ringMemory(64);
  assertEquals(isUnfinished(memory), true);
  writeHeader(memory, IDENTITY, 64);
  assertEquals(isUnfinished(memory), false);
  // Sizes that no device creates.
  for (const size of [32, 256, 4096]) {
    assertEquals(isUnfinished(plainMemory(size)), false);
  }
});

Deno.test("Heartbeat tells how long a device has been silent", () => {
  const { memory } = header();
  assertEquals(silence(memory), undefined);
  new Heartbeat(memory).beat(performance.now() - 5000);
  const quiet = silence(memory) ?? NaN;
  assertEquals(quiet >= 5000 - 1, true);
});
