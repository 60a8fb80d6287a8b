/**
 * Calls constructors, each with no descriptor left, then with one, and so on
 * until it succeeds, and prints for each as a line of JSON what its attempts
 * failed with and have left behind.
 */

import { fcntl } from "../../ffi/libc/fcntl.ts";
import { sys_resource } from "../../ffi/libc/sys_resource.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { constructors, type Made } from "./constructors.ts";
import { handles } from "./handles.ts";
import { descriptors, leftSince, settled } from "./leftovers.ts";
import { IpcError } from "@libc/ipc";

const RLIMIT_NOFILE = 7;
const F_DUPFD_CLOEXEC = 1030;
/** No constructor needs more. */
const MAX_DESCRIPTORS = 64;

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
        // Some need to be used for all of what they are made of to go.
        used = Promise.resolve(one.use(handle))
          .finally(() => handle[Symbol.dispose]());
      },
    };
  };
}

const limits = new BigUint64Array(2);
sys_resource().getrlimit(RLIMIT_NOFILE, limits);
const [, hard = 0n] = limits;

/** Leaves so many descriptors to have, until it is disposed of. */
function starve(left: number): Disposable {
  const highest = descriptors().at(-1) ?? 0;
  const soft = BigInt(highest + 1 + left);
  sys_resource().setrlimit(RLIMIT_NOFILE, BigUint64Array.of(soft, hard));
  const fillers: number[] = [];
  for (;;) {
    const fd = fcntl().fcntl_int(0, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) break;
    fillers.push(fd);
  }
  for (const fd of fillers.splice(-left, left)) unistd().close(fd);
  return {
    [Symbol.dispose]() {
      for (const fd of fillers) unistd().close(fd);
      sys_resource().setrlimit(RLIMIT_NOFILE, limits);
    },
  };
}

let used: Promise<unknown> | undefined;

async function release(made: Made): Promise<void> {
  made?.[Symbol.dispose]();
  await used;
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** What the attempts of a constructor fail with, and what they leave. */
async function exhaust(
  make: () => Made | Promise<Made>,
): Promise<{ failures: string[]; leaked: string }> {
  // What is made once and kept, such as the reactor, is made before.
  for (let i = 0; i < 3; i++) await release(await make());
  const before = await settled();
  const failures: string[] = [];
  let leaked = "";
  for (let left = 0; left < MAX_DESCRIPTORS && leaked === ""; left++) {
    let made: Made;
    let failure = "";
    {
      using _starved = starve(left);
      try {
        made = await make();
      } catch (error) {
        failure = error instanceof IpcError ? error.code : String(error);
      }
    }
    await release(made);
    leaked = await leftSince(before);
    if (failure === "") break;
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
