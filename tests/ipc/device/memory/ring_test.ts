import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import {
  Header,
  HEADER_OFFSET,
  Slot,
} from "../../../../ipc/device/memory/layout.ts";
import { RingReader, RingWriter } from "../../../../ipc/device/memory/ring.ts";
import { ringMemory, sampleOf } from "./samples.ts";

const CAPACITY = 16;
const SAMPLES = HEADER_OFFSET + Header.offsets.samples;

/** A ring with both ends. */
function ring() {
  const [memory, place] = ringMemory(CAPACITY);
  const writer = new RingWriter(memory, place);
  const reader = new RingReader(memory, place, "the ring");
  let written = 0;
  const write = (count: number) => {
    for (let i = 0; i < count; i++) writer.append(sampleOf(written++));
    writer.publish();
  };
  const view = new DataView(memory.memory());
  const slot = (n: number, field: keyof typeof Slot.offsets) =>
    place.offset + (n % CAPACITY) * Slot.size + Slot.offsets[field];
  return { writer, reader, write, view, slot };
}

Deno.test("take() gives every sample once, in order and whole", () => {
  const { reader, write } = ring();
  let next = 0;
  for (const count of [1, 0, 5, 16, 3, 16, 16, 2]) {
    write(count);
    for (const reading of reader.take(Infinity)) {
      const { value, time, period, waveform } = sampleOf(next);
      assertEquals(reading, {
        state: "on",
        waveform: (["SIN", "TRI", "QUA"] as const)[waveform] ?? "SIN",
        value,
        time,
        period,
        sequence: next++,
      });
    }
  }
  assertEquals([next, reader.lost], [59, 0]);
});

Deno.test("take() takes no more than its limit and goes on behind it", () => {
  const { reader, write } = ring();
  write(10);
  assertEquals(reader.take(4).map((s) => s.sequence), [0, 1, 2, 3]);
  assertEquals(reader.take(100).length, 6);
  assertEquals(reader.take(100), []);
});

Deno.test("take() knows exactly how many an overtaken reader lost", () => {
  const { reader, write } = ring();
  write(3);
  assertEquals(reader.take(Infinity).length, 3);
  write(CAPACITY + 5);
  assertEquals(
    reader.take(Infinity).map((s) => s.sequence),
    Array.from({ length: CAPACITY }, (_, i) => i + 8),
  );
  assertEquals(reader.lost, 5);
  write(1000);
  assertEquals(reader.take(Infinity).length, CAPACITY);
  assertEquals(reader.lost, 5 + 1000 - CAPACITY);
});

Deno.test("take() loses a sample that is overwritten while it looks", () => {
  const { reader, writer, write } = ring();
  write(CAPACITY);
  // Appended but not published: the counter says 16, slot 0 holds sample 16.
  writer.append(sampleOf(CAPACITY));
  assertEquals(
    reader.take(Infinity).map((s) => s.sequence),
    Array.from({ length: CAPACITY - 1 }, (_, i) => i + 1),
  );
  assertEquals(reader.lost, 1);
  writer.publish();
  assertEquals(reader.take(Infinity).map((s) => s.sequence), [CAPACITY]);
  assertEquals(reader.lost, 1);
});

Deno.test("take() skips a slot in which the writer died", () => {
  const { reader, write, view, slot } = ring();
  write(4);
  // An odd number means that the slot is being written.
  view.setUint32(slot(2, "sequence"), 2 * 2 + 1, true);
  assertEquals(reader.take(Infinity).map((s) => s.sequence), [0, 1, 3]);
  assertEquals(reader.lost, 1);
});

Deno.test("seek() begins as far back as the history goes", () => {
  const { reader, write } = ring();
  write(5);
  reader.seek(0);
  assertEquals(reader.take(Infinity), []);
  reader.seek(2);
  assertEquals(reader.take(Infinity).map((s) => s.sequence), [3, 4]);
  reader.seek(100);
  assertEquals(reader.take(Infinity).length, 5);
  write(100);
  reader.seek(Infinity);
  assertEquals(reader.take(Infinity).length, CAPACITY);
  assertEquals(reader.lost, 0);
});

Deno.test("newest() passes over a sample that is not whole", () => {
  const { reader, write, view, slot } = ring();
  assertEquals(reader.newest(), undefined);
  write(20);
  assertEquals(reader.newest()?.sequence, 19);
  view.setUint32(slot(19, "sequence"), 2 * 19 + 1, true);
  assertEquals(reader.newest()?.sequence, 18);
});

Deno.test("take() refuses a counter that cannot be", () => {
  const { reader, write, view } = ring();
  write(10);
  reader.take(Infinity);
  for (const count of [9n, 0n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n]) {
    view.setBigUint64(SAMPLES, count, true);
    const error = assertThrows(() => reader.take(Infinity), IpcError);
    assertEquals(error.code, "EBADMSG");
  }
  // A counter far ahead only counts as a loss: the slots hold other samples.
  view.setBigUint64(SAMPLES, 1_000_000_000_000n, true);
  assertEquals(reader.take(Infinity), []);
  assertEquals(reader.lost, 1_000_000_000_000 - 10);
});

Deno.test("take() refuses a slot with what cannot be", () => {
  const cases: [keyof typeof Slot.offsets, number][] = [
    ["state", 6],
    ["state", -1],
    ["waveform", 3],
    ["waveform", -2147483648],
    ["time", NaN],
    ["time", Infinity],
    ["period", NaN],
    ["period", -Infinity],
  ];
  for (const [field, value] of cases) {
    const { reader, write, view, slot } = ring();
    write(1);
    if (field === "time" || field === "period") {
      view.setFloat64(slot(0, field), value, true);
    } else {
      view.setInt32(slot(0, field), value, true);
    }
    const error = assertThrows(() => reader.take(Infinity), IpcError, field);
    assertEquals(error.code, "EBADMSG");
  }
});

Deno.test("RingWriter numbers slots across the edge of 32 bits", () => {
  const { writer, reader, view, slot, write } = ring();
  write(1);
  // Sample numbers 2^31 apart have the same mark: it is taken modulo 2^32.
  assertEquals(view.getUint32(slot(0, "sequence"), true), 2);
  assertEquals(writer.count, 1);
  assertEquals(reader.newest()?.sequence, 0);
  // Sample 2^31 - 1 leaves a mark of 0, as in memory that was never written. It
  // must be taken, with the right count, and not be mistaken for no sample.
  const [memory, place] = ringMemory(CAPACITY);
  const last = 2 ** 31 - 1;
  const cells = new DataView(memory.memory());
  const at = place.offset + (last % CAPACITY) * Slot.size;
  cells.setInt32(at + Slot.offsets.state, 1, true);
  cells.setBigUint64(SAMPLES, BigInt(last + 1), true);
  const far = new RingReader(memory, place, "the ring");
  far.seek(1);
  assertEquals(far.take(Infinity).map((s) => s.sequence), [last]);
  assert(far.lost === 0);
});
