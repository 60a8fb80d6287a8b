import { assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import {
  Header,
  HEADER_OFFSET,
  Wave,
} from "../../../../ipc/device/memory/layout.ts";
import {
  RecordReader,
  RecordWriter,
} from "../../../../ipc/device/memory/record.ts";
import { plainMemory, sampleOf } from "./samples.ts";

const at = (field: keyof typeof Header.offsets) =>
  HEADER_OFFSET + Header.offsets[field];

function record() {
  const memory = plainMemory(256);
  const writer = new RecordWriter(memory);
  const view = new DataView(memory.memory());
  const write = (n: number) =>
    writer.write(sampleOf(n), { interval: 0.25, bits: 12 }, () => {
      view.setBigUint64(at("samples"), BigInt(n + 1), true);
    });
  return { reader: new RecordReader(memory, false, "it"), memory, write, view };
}

Deno.test("read() gives what was written, as one", () => {
  const { reader, write } = record();
  write(4);
  assertEquals(reader.read(), {
    reading: {
      state: "on",
      waveform: "TRI",
      value: -496,
      time: 0.5,
      period: 1.25,
      sequence: 4,
    },
    settings: { interval: 0.25, bits: 12 },
  });
});

Deno.test("write() puts the C struct where C programs look", () => {
  const { memory, write } = record();
  write(4);
  assertEquals(Wave.read(memory.memory()), {
    state: 1,
    waveform: 1,
    value: -496,
    time: 0.5,
    period: 1.25,
  });
});

Deno.test("read() gives up a writer that stays in the middle", () => {
  const { reader, write, view } = record();
  write(1);
  view.setUint32(at("seqlock"), 3, true);
  assertEquals(reader.read(), undefined);
  // The next write is correct again, whatever the content was.
  write(2);
  assertEquals(reader.read()?.reading.sequence, 2);
});

Deno.test("write() lets nobody read while it writes, whatever stood there", () => {
  const { memory, reader, view } = record();
  const writer = new RecordWriter(memory);
  for (const before of [0, 1, 2, 0xffff_fffe, 0xffff_ffff]) {
    view.setUint32(at("seqlock"), before, true);
    let seen: unknown = "nothing";
    writer.write(sampleOf(1), { interval: 1, bits: 8 }, () => {
      seen = reader.read();
    });
    assertEquals(seen, undefined);
    assertEquals(reader.read()?.settings, { interval: 1, bits: 8 });
  }
});

Deno.test("read() has no sequence before the first sample", () => {
  const { reader, write, view } = record();
  write(1);
  view.setBigUint64(at("samples"), 0n, true);
  assertEquals(reader.read()?.reading.sequence, undefined);
});

Deno.test("read() refuses what cannot be", () => {
  const cases: [string, (view: DataView) => void][] = [
    ["its state is 6", (v) => v.setInt32(0, 6, true)],
    ["its state is -1", (v) => v.setInt32(0, -1, true)],
    ["its waveform is 3", (v) => v.setInt32(4, 3, true)],
    ["its time is NaN", (v) => v.setFloat64(16, NaN, true)],
    ["its period is Infinity", (v) => v.setFloat64(24, Infinity, true)],
    ["its interval is 0", (v) => v.setFloat64(at("interval"), 0, true)],
    ["its interval is NaN", (v) => v.setFloat64(at("interval"), NaN, true)],
    ["0 bits", (v) => v.setInt32(at("bits"), 0, true)],
    ["64 bits", (v) => v.setInt32(at("bits"), 64, true)],
    ["samples", (v) => v.setBigUint64(at("samples"), 1n << 60n, true)],
  ];
  for (const [found, spoil] of cases) {
    const { reader, write, view } = record();
    write(1);
    spoil(view);
    const error = assertThrows(() => reader.read(), IpcError, found);
    assertEquals(error.code, "EBADMSG");
  }
});

Deno.test("read() of a foreign device needs only the C struct", () => {
  const memory = plainMemory(Wave.size);
  Wave.write(memory.memory(), { state: 3, waveform: 2, value: -512, time: 1 });
  assertEquals(new RecordReader(memory, true, "it").read(), {
    reading: {
      state: "paused",
      waveform: "QUA",
      value: -512,
      time: 1,
      period: 0,
      sequence: undefined,
    },
    settings: undefined,
  });
});
