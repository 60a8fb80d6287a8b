/**
 * Shared parts of the tests with hostile peers: scenes that run in a child
 * process, where they may become another user, and tables of the outcome of
 * each attempt.
 */

import "../settle_runtime.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { isPrivileged } from "../conformance/privileges.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const CHILD = new URL("child.ts", import.meta.url).pathname;

/** The outcome of each attempt. */
export type Outcomes = Record<string, string>;

/** Attempts by what they try. */
export type Attempts = Record<string, () => unknown>;

/** Something that happens in a process of its own. */
export type Scene = (...args: string[]) => Outcomes | Promise<Outcomes>;

/** The name of a test with another user, and whether to skip it. */
export function withStranger(name: string): { name: string; ignore: boolean } {
  const ignore = !isPrivileged();
  const reason = " [skipped: needs CAP_SETUID and CAP_SYS_ADMIN]";
  return { name: ignore ? name + reason : name, ignore };
}

/** Plays a scene of `child.ts` in a process of its own. */
export async function play(scene: string, ...args: string[]): Promise<unknown> {
  const { code, signal, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    {
      args: [
        ...["run", "--quiet", "--no-lock", "--no-check", "--allow-all"],
        `--config=${CONFIG}`,
        ...[CHILD, scene, ...args],
      ],
      stdin: "null",
    },
  ).output();
  const errors = new TextDecoder().decode(stderr);
  assertEquals([code, signal], [0, null], `${scene}: ${errors}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/**
 * Makes the attempts one after the other. The result of an attempt is disposed;
 * a plain value is reported.
 */
export async function outcomes(attempts: Attempts): Promise<Outcomes> {
  const found: Outcomes = {};
  for (const [what, attempt] of Object.entries(attempts)) {
    found[what] = await outcome(attempt);
  }
  return found;
}

/** The code of the error that an attempt ends in, or `"done"` or its value. */
export async function outcome(attempt: () => unknown): Promise<string> {
  try {
    const result = await attempt();
    if (typeof result !== "object" || result === null) {
      return result === undefined ? "done" : String(result);
    }
    if (Symbol.dispose in result) (result as Disposable)[Symbol.dispose]();
    return "done";
  } catch (error) {
    if (!(error instanceof Error)) return `not an Error: ${error}`;
    if (!("code" in error)) return `${error.name}: ${error.message}`;
    // The message must name the action and the object.
    assertMatch(error.message, /^Cannot [a-z].+: .*\(.+\)/);
    return String(error.code);
  }
}
