/**
 * Plays scenes and reports what each has left in this process, which has no
 * other children or descriptors than at its start. See `leftovers_test.ts`.
 */

import "../../settle_runtime.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { capabilities } from "@libc/ipc/capabilities";
import { EventFd } from "@libc/ipc/eventfd";
import { Pidfd } from "@libc/ipc/pidfd";
import { spawn, type SpawnOptions } from "@libc/ipc/spawn";
import { openedSince, openFds, until } from "../../util.ts";
import { children } from "./util.ts";

const nul = "a\0b";

/** What spawn() refuses, before and after it has opened something. */
const REFUSED: [command: string, options?: SpawnOptions][] = [
  [""],
  [nul],
  ["sleep", { args: ["1000", nul] }],
  ["sleep", { argv0: nul }],
  ["sleep", { cwd: nul }],
  ["sleep", { env: { A: nul } }],
  ["sleep", { env: { "A=B": "" } }],
  ["sleep", { signalMask: "SIGNONE" as never }],
  ["sleep", { signalDefault: "SIGNONE" as never }],
  ["sleep", { killSignal: "SIGNONE" as never }],
  ["sleep", { setsid: true, setpgroup: 0 }],
  ["sleep", { fds: { 0: "pipe", 3: 9999 } }],
  ["sleep", { fds: { 0: "pipe", 9999: "inherit" } }],
  ["sleep", { fds: { 0: "pipe", 3: -5 } }],
  ["sleep", { fds: { 0: "pipe", 65536: 0 } }],
  ["sleep", { fds: { 1: "pipe", 3: "pipe" } }],
  ["sleep", { fds: { 1: "pipe", 3: {} as never } }],
  // These reach the kernel.
  ["no-such-program"],
  ["/etc"],
  ["sleep", { cwd: "/none" }],
  ["sleep", { args: ["1000", "x".repeat(4_000_000)] }],
  ["sleep", { setpgroup: 2 ** 31 - 1 }],
];

/** Fails, and with nothing begun. */
function refuse(command: string, options?: SpawnOptions): void {
  const what = Deno.inspect([command, options], { strAbbreviateSize: 50 });
  // A program that does not end by itself is found if it was started.
  const all = { fds: FDS, args: ["1000"], ...options };
  assertThrows(() => spawn(command, all), Error, undefined, what);
  assertEquals(children(), [], what);
}

const FDS = { 0: "pipe", 1: "pipe" } as const;

async function cat(): Promise<void> {
  using child = spawn("cat", { fds: { 0: "pipe", 1: "pipe", 2: "null" } });
  child.stdin?.close();
  await child.status;
}

const scenes: Record<string, () => void | Promise<void>> = {
  "the question for capabilities"() {
    capabilities();
  },
  // Makes the singletons.
  "the reactor": cat,
  "a spawn() that is refused"() {
    for (const [command, options] of REFUSED) refuse(command, options);
  },
  async "many children"() {
    for (let i = 0; i < 50; i++) await cat();
    await Promise.all(Array.from({ length: 50 }, cat));
  },
  "children that nobody waits for"() {
    for (let i = 0; i < 20; i++) spawn("true");
  },
  async "a pidfd, its copies and what is none"() {
    await using child = spawn("sleep", { args: ["1000"] });
    using event = EventFd.create();
    using pidfd = Pidfd.of(child);
    using same = Pidfd.fromFd(pidfd.fd);
    using _taken = Pidfd.fromFd(same.fd, { takeOver: true });
    for (const fd of [event.fd, 9999]) {
      assertThrows(() => Pidfd.fromFd(fd));
    }
  },
  "an eventfd, its copies and what is none"() {
    using event = EventFd.create();
    using same = EventFd.fromFd(event.fd);
    using _taken = EventFd.fromFd(same.fd, { takeOver: true });
    using pidfd = Pidfd.open(Deno.pid);
    for (const fd of [pidfd.fd, 9999]) {
      assertThrows(() => EventFd.fromFd(fd));
    }
  },
};

for (const [name, scene] of Object.entries(scenes)) {
  const before = openFds(/^/);
  await scene();
  if (scene === cat) continue;
  const left = () => [...openedSince(before, /^/), ...children()].join();
  // Not a watchdog thread, which would open descriptors.
  const dog = setTimeout(() => {
    console.error(`${name} left ${left()}`);
    Deno.exit(1);
  }, 60_000);
  // The runtime has descriptors of its own for a moment now and then.
  await until(() => left() === "");
  clearTimeout(dog);
}
