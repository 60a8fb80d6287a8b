/**
 * Calls all public symbols with random arguments in a random order. It may
 * throw anything, but must survive. It runs in an IPC namespace of its own, and
 * can write no file that stays.
 */

import * as ipc from "@libc/ipc";
import { keepFiles, unshareIpc } from "../conformance/privileges.ts";
import { handles } from "./handles.ts";

const seed = Number(Deno.args[0]);
const rounds = Number(Deno.args[1]);
unshareIpc();
keepFiles();

/** Symbols that would end or change this process for good, or wait for ever. */
const APART = new Set([
  "kill",
  "killProcessGroup",
  "raise",
  "sigqueue",
  "ignore",
  "restoreDefault",
  "spawn",
  // Would reach processes of others.
  "Pidfd",
  // Would create files at random paths.
  "openLockFile",
  // Waits without a limit.
  "lockFileSync",
  "sharedArrayBuffer",
  // Takes the numbers of descriptors, those of the runtime itself included.
  "fromFd",
  "inheritedFd",
]);

// A small generator: the same seed gives the same calls.
let state = seed >>> 0;
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 0x1_0000_0000 * below);
}

const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;

const detached = new Uint8Array(16);
detached.buffer.transfer();

const values: (() => unknown)[] = [
  () => undefined,
  () => null,
  () => pick([0, 1, -1, 2, 7, 63, 64, 4095, 4096, 65536, 0.5, -0.5]),
  () =>
    pick([NaN, Infinity, -Infinity, -0, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63]),
  () => pick([0n, 1n, -1n, 4096n, 2n ** 31n, 2n ** 48n, 2n ** 63n, 2n ** 64n]),
  () =>
    pick([
      "",
      "/",
      "a",
      "/a",
      "/a\0b",
      "..",
      "\0",
      "x".repeat(300),
      "/é",
      "\ud800",
    ]),
  () => pick([true, false]),
  () =>
    pick([
      new Uint8Array(0),
      new Uint8Array(8),
      new Uint8Array(5000),
      detached,
    ]),
  () =>
    pick([
      new ArrayBuffer(0),
      new Float64Array(3),
      new DataView(new ArrayBuffer(9)),
    ]),
  () => Array.from({ length: random(4) }, value),
  () =>
    Object.fromEntries(
      Array.from({ length: random(4) }, () => [pick(KEYS), value()]),
    ),
  () => ({ timeout: pick([0, 1, 2]), signal: AbortSignal.timeout(1) }),
  () => () => value(),
  () => new Date(NaN),
  () => Symbol("x"),
  () => pick(live),
];

const KEYS = [
  "timeout",
  "signal",
  "size",
  "mode",
  "owner",
  "readOnly",
  "address",
  "offset",
  "length",
  "type",
  "maxSize",
  "truncate",
  "except",
  "index",
  "delta",
  "undo",
  "value",
  "capacity",
  "private",
  "shared",
  "populate",
  "remap",
  "round",
  "maxMessages",
  "messageSize",
  "priority",
  "seals",
  "uid",
  "gid",
  "maxBytes",
  "execute",
  "count",
  "noWait",
  "into",
  "unref",
  "family",
  "path",
  "port",
];

let depth = 0;
function value(): unknown {
  if (depth > 3) return random(10);
  depth++;
  try {
    return pick(values)();
  } finally {
    depth--;
  }
}

/** An argument: often one that allows what is asked to happen. */
const args = () => Array.from({ length: random(5) }, value);

const live: unknown[] = [];
const classes = new Set(Object.values<unknown>(ipc));

/** Whether it is an object of this module, and another one can be kept. */
function isOurs(object: unknown): boolean {
  return typeof object === "object" && object !== null &&
    classes.has(object.constructor) && live.length < 60;
}

/** Gives every argument list a timeout, so that no wait is endless. */
function bounded(list: unknown[]): unknown[] {
  return [...list, { timeout: 1 }];
}

async function attempt(call: () => unknown): Promise<void> {
  try {
    const result = call();
    const settled = result instanceof Promise
      ? await Promise.race([
        result,
        new Promise((resolve) => setTimeout(resolve, 20)),
      ])
      : result;
    if (isOurs(settled)) live.push(settled);
    else (settled as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
  } catch {
    // Any refusal is right.
  }
}

/** Calls that may block this thread, made only with a timeout. */
const BLOCKING = /Sync$|^connections$|^messages$|^run$|^follow$|^readings$/;

/** Internal methods, which take a descriptor's number. */
const INTERNAL = ["use", "take", "attempt", "nothing", "useNonBlocking"];

function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (
    let proto = object;
    proto !== null && proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto)
  ) {
    for (const name of Object.getOwnPropertyNames(proto)) names.add(name);
  }
  names.delete("constructor");
  for (const name of INTERNAL) names.delete(name);
  if (object instanceof ipc.FdReader) names.delete("receive");
  if (object instanceof ipc.FdWriter) names.delete("send");
  return [...names].sort();
}

async function useObject(object: object): Promise<void> {
  const name = pick(methodsOf(object));
  if (name === undefined || BLOCKING.test(name)) return;
  await attempt(() => {
    // deno-lint-ignore no-explicit-any -- anything may be called with anything
    const member = (object as any)[name];
    return typeof member === "function"
      ? member.apply(object, random(2) ? args() : bounded(args()))
      : member;
  });
}

const functions = Object.entries(ipc).filter(([name, value]) =>
  typeof value === "function" && !APART.has(name)
) as [string, (...args: unknown[]) => unknown][];
// A rejected promise of another call, such as an aborted wait, is not a crash.
addEventListener("unhandledrejection", (event) => event.preventDefault());
// Nor is an invalid listener, which is reported as an error event.
addEventListener("error", (event) => event.preventDefault());

for (let round = 0; round < rounds; round++) {
  if (live.length < 5 || random(10) === 0) {
    await attempt(() => pick(Object.values(handles)).make());
  }
  if (random(3) === 0) {
    const [, fn] = pick(functions);
    const statics = Object.getOwnPropertyNames(fn).filter((name) =>
      typeof Reflect.get(fn, name) === "function" && !BLOCKING.test(name) &&
      !APART.has(name)
    );
    await attempt(() => {
      if (statics.length > 0 && random(2)) {
        return Reflect.get(fn, pick(statics)).apply(fn, args());
      }
      // A class throws here: its constructor is private.
      return fn(...args());
    });
  } else {
    const object = pick(live);
    if (typeof object === "object" && object !== null) await useObject(object);
  }
  if (live.length > 40) {
    const [gone] = live.splice(random(live.length), 1);
    await attempt(() => {
      (gone as Partial<Disposable>)[Symbol.dispose]?.();
    });
  }
}
for (const object of live) {
  await attempt(() => (object as Partial<Disposable>)[Symbol.dispose]?.());
}
console.log("alive");
Deno.exit(0);
