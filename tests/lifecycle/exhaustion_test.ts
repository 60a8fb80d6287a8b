// Descriptors that run out at every step of every constructor: it fails with
// EMFILE, leaves nothing behind, and succeeds as soon as there are enough.

import { assert, assertEquals, assertExists } from "@std/assert";
import { spawn } from "@libc/ipc/spawn";
import { notEmulated, watchdog } from "../util.ts";
import { constructors } from "./constructors.ts";
import { handles } from "./handles.ts";
import { makers } from "./makers.ts";

const CHILD = new URL("exhaustion_child.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Those that take no descriptor. */
const WITHOUT = new Set([
  "SysvSharedMemory",
  "SysvSharedMemory.open()",
  "SysvSharedMemory.openOrCreate()",
  "SysvSharedMemory.fromId()",
  "SysvSharedMemory.attach()",
  "SysvSemaphoreSet",
  "SysvSemaphoreSet.open()",
  "SysvSemaphoreSet.openOrCreate()",
  "SysvSemaphoreSet.fromId()",
  "SysvMessageQueue",
  "SysvMessageQueue.open()",
  "SysvMessageQueue.openOrCreate()",
  "SysvMessageQueue.fromId()",
  "Mapping",
  "Mapping.pin()",
  "PosixSharedMemory.map()",
  "Memfd.map()",
  "mapAnonymous()",
  "sharedArrayBuffer()",
  "PosixSemaphore.inMapping()",
  "PosixSemaphore.at()",
  "PosixMessageQueue.onMessage()",
  "FileLock",
  "lockFile()",
  "lockFileSync()",
  "tryLockFile()",
  "SignalListener",
  "ignore()",
  "restoreDefault()",
  "WaveClient.follow()",
  "WaveDevice.beginConfiguration()",
]);

const names = [...Object.keys(handles), ...Object.keys(constructors)];

/** The functions that the constructors are named after, and handles made by. */
function isTried(maker: string): boolean {
  if (names.some((name) => name.startsWith(maker))) return true;
  const call = new RegExp(`(?<![\\w.])${RegExp.escape(maker.slice(0, -1))}`);
  return Object.values(handles).some(({ make }) => call.test(`${make}`));
}

Deno.test("every public function that gives a handle is tried without descriptors", async () => {
  const all = await makers();
  assert(all.length > 60, `${all}`);
  assertEquals(all.filter((maker) => !isTried(maker)), []);
  // And every name is that of one, so that none is tried in vain.
  assertEquals(
    Object.keys(constructors).filter((name) =>
      !all.includes(name.slice(0, name.indexOf(")") + 1))
    ),
    [],
  );
});

/** How many share a process: its start takes longer than they do. */
const COMPANY = 20;
/** What needs a process with a blocked signal. */
const BLOCKED = "SignalQueue.open()";

interface Result {
  name: string;
  failures: string[];
  leaked: string;
}

/** Tries constructors one after the other in a process. */
async function exhaust(names: string[]): Promise<Result[]> {
  // Not Deno.Command: it cannot block the signal that a queue needs.
  await using child = spawn(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      "--v8-flags=--expose-gc",
      `--config=${CONFIG}`,
      CHILD,
      ...names,
    ],
    env: { TMPDIR: "/tmp" },
    signalMask: names.includes(BLOCKED) ? "SIGRTMAX" : [],
    fds: { 0: "null", 1: "pipe", 2: "pipe" },
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout?.readable).text(),
    new Response(child.stderr?.readable).text(),
  ]);
  assertEquals((await child.status).code, 0, stderr);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

/** Tests constructors that share a process. */
function test(names: string[]): void {
  let results: Promise<Result[]> | undefined;
  for (const name of names) {
    const title =
      `${name} without a descriptor at any step leaves nothing behind`;
    Deno.test({
      ...name === BLOCKED
        ? notEmulated(title, "shows its own signal masks")
        : { name: title },
      async fn() {
        using _dog = watchdog(names.join(", "), 120);
        const found = (await (results ??= exhaust(names)))
          .find((result) => result.name === name);
        assertExists(found);
        const { failures, leaked } = found;
        assertEquals(leaked, "");
        assert(failures.length < 60, "it never succeeded");
        assertEquals(failures, failures.map(() => "EMFILE"));
        assertEquals(failures.length === 0, WITHOUT.has(name), `${failures}`);
      },
    });
  }
}

const together = names.filter((name) => name !== BLOCKED);
for (let i = 0; i < together.length; i += COMPANY) {
  test(together.slice(i, i + COMPANY));
}
test([BLOCKED]);
