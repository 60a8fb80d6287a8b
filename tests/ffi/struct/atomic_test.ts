/** Struct fields that others change concurrently. */

import { array, type AtomicField, struct, text } from "@libc/ipc";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { scaled } from "../../util.ts";

/** Rounds of each of two threads. */
const ROUNDS = scaled(50_000, 10_000_000);

const MODULE = JSON.stringify(import.meta.resolve("@libc/ipc/struct"));

const Wave = struct({
  state: "i32",
  readers: "u32",
  count: "u64",
  balance: "i64",
  time: "f64",
  flag: "bool",
  byte: "i8",
  short: "u16",
  float: "f32",
  name: text(16),
  inner: struct({ x: "i32" }),
  values: array("i32", 4),
});

/** A value as an untyped caller can pass it. */
function untyped<T>(value: unknown): T {
  return value as T;
}

/** The output of a JavaScript program that runs in its own process. */
async function evaluate(code: string, ...flags: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", ...flags, code],
  }).output();
  assertStrictEquals(success, true, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("atomic() does what Atomics does, for all four types", () => {
  const buffer = new SharedArrayBuffer(Wave.size * 2);
  for (const name of ["state", "readers"] as const) {
    const field: AtomicField<number> = Wave.atomic(buffer, name, Wave.size);
    field.store(12);
    assertStrictEquals(field.add(5), 12);
    assertStrictEquals(field.sub(1), 17);
    assertStrictEquals(field.and(0b11000), 16);
    assertStrictEquals(field.or(0b00011), 0b10000);
    assertStrictEquals(field.xor(0b10001), 0b10011);
    assertStrictEquals(field.exchange(7), 0b00010);
    assertStrictEquals(field.compareExchange(6, 1), 7);
    assertStrictEquals(field.load(), 7);
    assertStrictEquals(field.compareExchange(7, 1), 7);
    assertStrictEquals(field.load(), 1);
    assertStrictEquals(Wave.read(buffer, Wave.size)[name], 1);
    assertStrictEquals(Wave.read(buffer)[name], 0);
  }
  for (const name of ["count", "balance"] as const) {
    const field: AtomicField<bigint> = Wave.atomic(buffer, name, Wave.size);
    field.store(2n ** 40n);
    assertStrictEquals(field.add(5n), 2n ** 40n);
    assertStrictEquals(field.sub(4n), 2n ** 40n + 5n);
    assertStrictEquals(field.and(3n), 2n ** 40n + 1n);
    assertStrictEquals(field.or(6n), 1n);
    assertStrictEquals(field.xor(1n), 7n);
    assertStrictEquals(field.exchange(9n), 6n);
    assertStrictEquals(field.compareExchange(8n, 1n), 9n);
    assertStrictEquals(field.compareExchange(9n, 1n), 9n);
    assertStrictEquals(field.load(), 1n);
  }
});

Deno.test("atomic() has the field's own range and wraps around in it", () => {
  const buffer = new ArrayBuffer(Wave.size);
  const readers = Wave.atomic(buffer, "readers");
  readers.store(2 ** 32 - 1);
  assertStrictEquals(readers.load(), 2 ** 32 - 1);
  assertStrictEquals(readers.add(2), 2 ** 32 - 1);
  assertStrictEquals(readers.load(), 1);
  const state = Wave.atomic(buffer, "state");
  state.store(-(2 ** 31));
  state.sub(1);
  assertStrictEquals(state.load(), 2 ** 31 - 1);
  const count = Wave.atomic(buffer, "count");
  count.sub(1n);
  assertStrictEquals(count.load(), 2n ** 64n - 1n);
  assertThrows(() => readers.store(-1), RangeError, "readers to -1");
  assertThrows(() => readers.add(1.5), RangeError, "readers to 1.5");
  assertThrows(
    () => state.exchange(2 ** 31),
    RangeError,
    "state to 2147483648",
  );
  assertThrows(() => state.compareExchange(0, NaN), RangeError, "NaN");
  assertThrows(() => state.compareExchange(NaN, 0), RangeError, "NaN");
  assertThrows(() => count.store(-1n), RangeError, "count to -1n");
  assertThrows(() => count.store(untyped<bigint>(1)), TypeError, "count to 1");
  assertThrows(() => state.add(untyped<number>("1")), TypeError, 'to "1"');
});

Deno.test("atomic() refuses other types, names and places", () => {
  const buffer = new ArrayBuffer(Wave.size + 8);
  const others = ["time", "flag", "byte", "short", "float", "name", "inner"];
  for (const name of [...others, "values"]) {
    assertThrows(
      () => Wave.atomic(buffer, untyped<"state">(name)),
      TypeError,
      `Cannot use ${name} atomically: it is `,
    );
  }
  for (const name of ["nothing", "toString", undefined]) {
    assertThrows(
      () => Wave.atomic(buffer, untyped<"state">(name)),
      TypeError,
      "the struct has no such field",
    );
  }
  const packed = struct({ byte: "u8", word: "u32", long: "i64" }).packed();
  assertThrows(
    () => packed.atomic(buffer, "word"),
    TypeError,
    "Cannot use word atomically: byte 1 is not a multiple of 4",
  );
  packed.atomic(buffer, "word", 3).store(5);
  packed.atomic(buffer, "long", 3).store(6n);
  assertEquals(packed.read(buffer, 3), { byte: 0, word: 5, long: 6n });
});

Deno.test("atomic() counts across threads without losing one", async () => {
  const said = await evaluate(`
    import { struct } from ${MODULE};
    const Head = struct({ readers: "u32", count: "u64" });
    const buffer = new SharedArrayBuffer(Head.size);
    const url = "data:text/javascript," + encodeURIComponent(\`
      import { struct } from ${MODULE};
      const Head = struct({ readers: "u32", count: "u64" });
      self.onmessage = ({ data }) => {
        const readers = Head.atomic(data, "readers");
        const count = Head.atomic(data, "count");
        for (let i = 0; i < ${ROUNDS}; i++) {
          readers.add(1);
          count.sub(2n);
        }
        self.postMessage("done");
      };\`);
    const workers = [0, 1].map(() => new Worker(url, { type: "module" }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage(buffer);
    })));
    workers.forEach((worker) => worker.terminate());
    console.log(JSON.stringify(Head.view(buffer)));
  `);
  const count = String(2n ** 64n - 4n * BigInt(ROUNDS));
  assertEquals(JSON.parse(said), { readers: 2 * ROUNDS, count });
});

// Before V8 optimizes it, a DataView moves its values byte by byte, and a peer
// sees a mix of two of them. A view must not do that. The flags keep V8 from
// optimizing at all.
for (
  const [type, all] of [["u32", "2 ** 32 - 1"], ["u64", "2n ** 64n - 1n"]]
) {
  Deno.test(`view() never tears an aligned ${type} in cold code`, async () => {
    const said = await evaluate(
      `
      import { struct } from ${MODULE};
      const shared = new SharedArrayBuffer(64);
      const view = struct({ x: "${type}" }).view(shared);
      const none = view.x, all = ${all};
      const reader = new Worker("data:text/javascript," + encodeURIComponent(\`
        self.onmessage = ({ data }) => {
          const word = new BigInt64Array(data), done = new Int32Array(data, 32);
          const all = ${type === "u32" ? "0xffffffffn" : "-1n"};
          let torn = 0, seen = 0;
          self.postMessage("ready");
          do {
            const value = Atomics.load(word, 0);
            seen++;
            if (value !== 0n && value !== all) torn++;
          } while (Atomics.load(done, 0) === 0);
          self.postMessage(torn + " of " + Math.sign(seen));
        };\`), { type: "module" });
      reader.onmessage = ({ data }) => {
        if (data === "ready") {
          for (let i = 0; i < ${
        scaled(1_000_000, 10_000_000)
      }; i++) { view.x = all; view.x = none; }
          Atomics.store(new Int32Array(shared, 32), 0, 1);
        } else {
          console.log(data);
          reader.terminate();
        }
      };
      reader.postMessage(shared);`,
      "--v8-flags=--no-opt,--no-maglev,--no-sparkplug",
    );
    assertStrictEquals(said, "0 of 1");
  });
}
