/**
 * Round trips of 64 bytes between two Deno processes, without blocking either
 * event loop: over a unix stream and two pipes of ours, and over Deno's own unix
 * socket.
 *
 * `deno task bench:roundtrip [round trips]`: so many in each turn.
 *
 * The ways take turns, so that all see the same machine. "asleep" is a round
 * trip after a pause in which both ends have gone to sleep.
 *
 * @module
 */

import { type End, ways } from "./ways.ts";
import { SIZE } from "./size.ts";

const TURNS = 10;
const WARM_UP = 2000;
/** Round trips after a pause, in each turn, and that pause in ms. */
const ASLEEP = 30;
const PAUSE = 5;

const trips = Number(Deno.args[0] ?? 3000);
const data = new Uint8Array(SIZE).fill(7);
const buffer = new Uint8Array(SIZE);

/** Microseconds of one round trip. */
async function trip(end: End): Promise<number> {
  const start = performance.now();
  await end.send(data);
  await end.receive(buffer);
  return (performance.now() - start) * 1000;
}

function quantile(values: number[], part: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor(sorted.length * part)] ?? NaN).toFixed(1);
}

const folder = await Deno.makeTempDir({ prefix: "libc_ipc_bench_" });
try {
  await using stack = new AsyncDisposableStack();
  const all: { name: string; end: End; busy: number[]; asleep: number[] }[] =
    [];
  for (const way of ways) {
    const end = stack.use(await way.start(folder));
    for (let i = 0; i < WARM_UP; i++) await trip(end);
    all.push({ name: way.name, end, busy: [], asleep: [] });
  }
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { end, busy, asleep } of all) {
      for (let i = 0; i < trips; i++) busy.push(await trip(end));
      for (let i = 0; i < ASLEEP; i++) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        asleep.push(await trip(end));
      }
    }
  }
  console.log("µs              median       p99    asleep  asleep p99");
  for (const { name, busy, asleep } of all) {
    const cells = [
      quantile(busy, 0.5),
      quantile(busy, 0.99),
      quantile(asleep, 0.5),
      quantile(asleep, 0.99),
    ];
    console.log(name.padEnd(12) + cells.map((c) => c.padStart(10)).join(""));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
