/**
 * Forbids system calls to itself, runs all {@linkcode uses}, and prints each
 * outcome, the missing `capabilities()`, and the leftovers.
 */

import "../../settle_runtime.ts";
import { capabilities, IpcError } from "@libc/ipc";
import { sharedFiles } from "../memory/process_state.ts";
import { forbid, type Refusal } from "./seccomp.ts";
import { uses } from "./uses.ts";

/** How a use went. */
export type Outcome = { value: unknown } | {
  code: string;
  syscall: string;
  message: string;
};

/** What this program prints. */
export interface Report {
  outcomes: Record<string, Outcome>;
  /** The capabilities that are false. */
  lacks: string[];
  /** Whether a second look says the same. */
  steady: boolean;
  /** Descriptors that stay open each time that something fails. */
  leaks: number;
  /** Files of ours that are still there. */
  left: string[];
}

/**
 * Repetitions of failing uses between two counts of open descriptors: more than
 * there are threads and timers that may hold a descriptor for a while.
 */
const ROUNDS = 20;

async function outcomeOf(use: () => unknown): Promise<Outcome> {
  try {
    return { value: await use() ?? null };
  } catch (error) {
    // Anything else is a defect: it ends this program.
    if (!(error instanceof IpcError)) throw error;
    const { code, syscall, message } = error;
    return { code, syscall, message };
  }
}

async function all(): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  for (const [name, use] of Object.entries(uses)) {
    outcomes[name] = await outcomeOf(use);
  }
  return outcomes;
}

/** Without the messages, which name the objects. */
function bare(outcomes: Record<string, Outcome>): unknown[] {
  return Object.values(outcomes).map((outcome) =>
    "value" in outcome ? outcome.value : [outcome.code, outcome.syscall]
  );
}

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

function lacking(): string[] {
  return Object.entries(capabilities())
    .filter(([, has]) => !has).map(([name]) => name);
}

/** Does all of it. */
export async function run(refusal: Refusal, errno: number): Promise<void> {
  forbid(refusal, errno);
  const outcomes = await all();
  const lacks = lacking();
  // Singletons such as the reactor exist by now.
  const second = await all();
  const before = openDescriptors();
  const failing = Object.entries(uses)
    .filter(([name]) => "code" in (outcomes[name] ?? {}));
  for (let i = 0; i < ROUNDS; i++) {
    for (const [, use] of failing) await outcomeOf(use);
  }
  const report: Report = {
    outcomes,
    lacks,
    steady: lacks.join() === lacking().join() &&
      JSON.stringify(bare(second)) === JSON.stringify(bare(outcomes)),
    leaks: Math.max(0, Math.floor((openDescriptors() - before) / ROUNDS)),
    left: sharedFiles(`-${Deno.pid}-`),
  };
  console.log(JSON.stringify(report));
}
