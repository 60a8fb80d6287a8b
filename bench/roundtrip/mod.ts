/**
 * Round trips of 64 bytes between two Deno processes, without blocking either
 * event loop, and long transfers from one to the other: over a unix stream and
 * two pipes of ours, over Deno's own unix socket, and in C, which blocks.
 *
 * `deno task bench:roundtrip [round trips]`: so many in each turn.
 *
 * The transports take turns, under equal conditions. "asleep" is a round trip
 * after a pause in which both ends have gone to sleep.
 *
 * @module
 */

import { compileC } from "../harness.ts";
import { CHUNK, CHUNKS, SIZE } from "./size.ts";
import { type End, ways } from "./ways.ts";

const TURNS = 10;
const WARM_UP = 2000;
/**
 * The number of round trips after a pause in each turn, and that pause in ms.
 */
const ASLEEP = 30;
const PAUSE = 5;

const trips = Number(Deno.args[0] ?? 3000);
const message = new Uint8Array(SIZE).fill(7);
const chunk = new Uint8Array(CHUNK).fill(7);
const buffer = new Uint8Array(SIZE);

/** The measurements of a transport, in microseconds. */
class Figures {
  readonly busy: number[] = [];
  readonly asleep: number[] = [];
  readonly transfers: number[] = [];
}

/** A transport under measurement. */
interface Lane {
  name: string;
  figures: Figures;
  /** Adds the figures of a turn. */
  turn(figures: Figures): Promise<void>;
}

/** Microseconds of one round trip. */
async function trip(end: End): Promise<number> {
  const start = performance.now();
  await end.send(message);
  await end.receive(buffer);
  return (performance.now() - start) * 1000;
}

/** Microseconds of one long transfer. */
async function transfer(end: End): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < CHUNKS; i++) await end.send(chunk);
  await end.receive(buffer);
  return (performance.now() - start) * 1000;
}

/** Our transports and Deno's; their peers run until the stack is disposed. */
async function lanes(
  folder: string,
  stack: AsyncDisposableStack,
): Promise<Lane[]> {
  const all: Lane[] = [];
  for (const way of ways) {
    const echo = stack.use(await way.start(folder, "echo"));
    const sink = stack.use(await way.start(folder, "sink"));
    for (let i = 0; i < WARM_UP; i++) await trip(echo);
    await transfer(sink);
    all.push({
      name: way.name,
      figures: new Figures(),
      async turn({ busy, asleep, transfers }) {
        for (let i = 0; i < trips; i++) busy.push(await trip(echo));
        for (let i = 0; i < ASLEEP; i++) {
          await new Promise((resolve) => setTimeout(resolve, PAUSE));
          asleep.push(await trip(echo));
        }
        transfers.push(await transfer(sink));
      },
    });
  }
  return all;
}

/** The same in C; none without a compiler. */
async function lanesInC(folder: string): Promise<Lane[]> {
  const program = await compileC(folder, "roundtrip");
  if (program === undefined) return [];
  return ["unix", "pipes"].map((kind) => ({
    name: `C, ${kind}`,
    figures: new Figures(),
    async turn({ busy, asleep, transfers }) {
      const args = [kind, ...[trips, ASLEEP, PAUSE, CHUNKS].map(String)];
      const { stdout } = await new Deno.Command(program, { args }).output();
      const values = new TextDecoder().decode(stdout).split("\n").map(Number);
      busy.push(...values.slice(0, trips));
      asleep.push(...values.slice(trips, trips + ASLEEP));
      transfers.push(...values.slice(trips + ASLEEP, trips + ASLEEP + 1));
    },
  }));
}

function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? NaN;
}

const folder = await Deno.makeTempDir({ prefix: "libc_ipc_bench_" });
try {
  await using stack = new AsyncDisposableStack();
  const all = [...await lanes(folder, stack), ...await lanesInC(folder)];
  for (let i = 0; i < TURNS; i++) {
    for (const { turn, figures } of all) await turn(figures);
  }
  console.log(
    "µs              median       p99    asleep  asleep p99     MiB/s",
  );
  for (const { name, figures: { busy, asleep, transfers } } of all) {
    const cells = [
      quantile(busy, 0.5).toFixed(1),
      quantile(busy, 0.99).toFixed(1),
      quantile(asleep, 0.5).toFixed(1),
      quantile(asleep, 0.99).toFixed(1),
      (CHUNK * CHUNKS / 1.048576 / quantile(transfers, 0.5)).toFixed(0),
    ];
    console.log(name.padEnd(12) + cells.map((c) => c.padStart(10)).join(""));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
