/**
 * Calls constructors, each with no descriptor left, then with one, and so on
 * until it succeeds, and prints for each the errors and leftovers of its
 * attempts as a line of JSON.
 */

import { constructors, type Made } from "./constructors.ts";
import { handles } from "./handles.ts";
import { descriptors, leftSince, settled, type Snapshot } from "./leftovers.ts";
import { IpcError } from "@libc/ipc";
import { fcntl, sys_resource, unistd } from "@libc/ipc/ffi";

const RLIMIT_NOFILE = 7;
const F_DUPFD_CLOEXEC = 1030;
/** No constructor needs more. */
const MAX_DESCRIPTORS = 64;
/** How often the runtime may free a descriptor for a constructor. */
const MAX_GIVEN = 10;

function constructorOf(
  name: string,
  stack: DisposableStack,
): () => Made | Promise<Made> {
  const constructor = constructors[name]?.(stack);
  if (constructor !== undefined) return constructor;
  const one = handles[name];
  if (one === undefined) throw new Error(`there is no ${name}`);
  return async () => {
    const handle = await one.make();
    return {
      [Symbol.dispose]() {
        // Some release all their parts only after a use.
        used = Promise.resolve(one.use(handle))
          .finally(() => handle[Symbol.dispose]());
      },
    };
  };
}

const limits = new BigUint64Array(2);
sys_resource().getrlimit(RLIMIT_NOFILE, limits);
const [, hard = 0n] = limits;

/** Limits the free descriptors until disposed. */
interface Starved extends Disposable {
  /** The number of free descriptors now. */
  free(): number;
}

/** Leaves a number of free descriptors. */
function starve(left: number): Starved {
  const highest = descriptors().at(-1) ?? 0;
  const soft = BigInt(highest + 1 + left);
  sys_resource().setrlimit(RLIMIT_NOFILE, BigUint64Array.of(soft, hard));
  const fillers = fill();
  for (const fd of fillers.splice(-left, left)) unistd().close(fd);
  return {
    free() {
      const more = fill();
      for (const fd of more) unistd().close(fd);
      return more.length;
    },
    [Symbol.dispose]() {
      for (const fd of fillers) unistd().close(fd);
      sys_resource().setrlimit(RLIMIT_NOFILE, limits);
    },
  };
}

/** Takes all free descriptors. */
function fill(): number[] {
  const taken: number[] = [];
  for (;;) {
    const fd = fcntl().fcntl_int(0, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return taken;
    taken.push(fd);
  }
}

let used: Promise<unknown> | undefined;

async function release(made: Made): Promise<void> {
  made?.[Symbol.dispose]();
  await used;
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The number of descriptors opened since. */
function newSince({ descriptors: then }: Snapshot): number {
  const known: readonly unknown[] = typeof then === "object" ? then : [];
  return descriptors().filter((fd) => !known.includes(fd)).length;
}

/** The errors and leftovers of the attempts of a constructor. */
async function exhaust(
  make: () => Made | Promise<Made>,
): Promise<{ failures: string[]; leaked: string }> {
  // Make singletons such as the reactor first.
  for (let i = 0; i < 3; i++) await release(await make());
  const before = await settled();
  const failures: string[] = [];
  let leaked = "";
  let given = 0;
  for (let left = 0; left < MAX_DESCRIPTORS && leaked === ""; left++) {
    let made: Made;
    let failure = "";
    let free: number;
    {
      using starved = starve(left);
      try {
        made = await make();
      } catch (error) {
        failure = error instanceof IpcError ? error.code : String(error);
      }
      free = starved.free();
    }
    const held = newSince(before);
    await release(made);
    leaked = await leftSince(before);
    if (failure === "") {
      if (free + held <= left || ++given > MAX_GIVEN) break;
      // The runtime has closed one of its own meanwhile, so there were more.
      left--;
      continue;
    }
    failures.push(failure);
  }
  return { failures, leaked };
}

for (const name of Deno.args) {
  using stack = new DisposableStack();
  const result = await exhaust(constructorOf(name, stack));
  console.log(JSON.stringify({ name, ...result }));
}
Deno.exit();
