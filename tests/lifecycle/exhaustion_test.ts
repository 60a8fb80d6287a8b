// Descriptors run out at every step of every constructor: it fails with EMFILE,
// leaves nothing behind, and succeeds as soon as there are enough.

import { assert, assertEquals } from "@std/assert";
import { notEmulated, watchdog } from "../util.ts";
import { inCompany, type Result } from "./company.ts";
import { constructors } from "./constructors.ts";
import { handles } from "./handles.ts";
import { makers } from "./makers.ts";

/** Constructors that take no descriptor. */
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

/** Returns whether a case is named after `maker` or makes handles with it. */
function isTried(maker: string): boolean {
  if (names.some((name) => name.startsWith(maker))) return true;
  const call = new RegExp(`(?<![\\w.])${RegExp.escape(maker.slice(0, -1))}`);
  return Object.values(handles).some(({ make }) => call.test(`${make}`));
}

Deno.test("every public function that gives a handle is tried without descriptors", async () => {
  const all = await makers();
  assert(all.length > 60, `${all}`);
  assertEquals(all.filter((maker) => !isTried(maker)), []);
  // And each name is that of a function that makes a handle.
  assertEquals(
    Object.keys(constructors).filter((name) =>
      !all.includes(name.slice(0, name.indexOf(")") + 1))
    ),
    [],
  );
});

/** The constructor that needs a process with a blocked signal. */
const BLOCKED = "SignalQueue.open()";

/** The results of a constructor without descriptors. */
interface Exhaustion extends Result {
  failures: string[];
  leaked: string;
}

const PROGRAM = "exhaustion_child.ts";
const find = inCompany<Exhaustion>(
  PROGRAM,
  names.filter((name) => name !== BLOCKED),
);
const findBlocked = inCompany<Exhaustion>(PROGRAM, [BLOCKED], ["SIGRTMAX"]);

for (const name of names) {
  const blocked = name === BLOCKED;
  const title =
    `without descriptors, ${name} leaves nothing behind at any step`;
  Deno.test({
    ...blocked
      ? notEmulated(title, "shows its own signal masks")
      : { name: title },
    async fn() {
      using _dog = watchdog(name, 120);
      const { failures, leaked } = await (blocked ? findBlocked : find)(name);
      assertEquals(leaked, "");
      assert(failures.length < 60, "it never succeeded");
      assertEquals(failures, failures.map(() => "EMFILE"));
      assertEquals(failures.length === 0, WITHOUT.has(name), `${failures}`);
    },
  });
}
