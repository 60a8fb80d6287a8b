import { assertEquals } from "@std/assert";
import { headerProblems } from "./check_headers.ts";
import { type Files, withRepository } from "./testing.ts";

const TIME = `/**
 * \`<sys/time.h>\`: calls.
 *
 * @module
 */

export const sys_time_symbols = {
  /** \`int gettimeofday(struct timeval *tv, void *tz);\` */
  gettimeofday: { parameters: ["buffer", "pointer"], result: "i32" },
  /** \`time_t time(void);\` of all, for a test */
  now: { name: "time", parameters: [], result: "i64" },
  /** \`int atexit(int (*function)(int, int), ...);\` */
  atexit: { parameters: ["pointer", "i32", "i32"], result: "i32" },
};
`;

const SOUND: Files = {
  "ffi/mod.ts": `export * from "./libc/sys_time.ts";\n`,
  "ffi/libc/sys_time.ts": TIME,
  "ffi/libc/_open.ts": "export {};\n",
  "ffi/libc/README.md": "",
};

/** Returns the problems of the sound repository after the changes. */
async function problemsWith(changes: Files): Promise<string[]> {
  return await withRepository({ ...SOUND, ...changes }, headerProblems);
}

/** Returns the problems when a part of the header is replaced. */
async function problemsOf(part: string, other: string): Promise<string[]> {
  const text = TIME.replace(part, other);
  const problems = await problemsWith({ "ffi/libc/sys_time.ts": text });
  return problems.map((problem) =>
    problem.replace("ffi/libc/sys_time.ts: ", "")
  );
}

Deno.test("headerProblems() finds nothing wrong with a sound repository", async () => {
  assertEquals(await problemsWith({}), []);
});

Deno.test("headerProblems() reports a header that ffi/mod.ts leaves out", async () => {
  for (const line of ["", `// ${SOUND["ffi/mod.ts"]}`]) {
    assertEquals(await problemsWith({ "ffi/mod.ts": line }), [
      "ffi/mod.ts: does not export all of ffi/libc/sys_time.ts",
    ]);
  }
});

Deno.test("headerProblems() reports a file that is not named after its header", async () => {
  assertEquals(
    await problemsWith({
      "ffi/mod.ts": `${
        SOUND["ffi/mod.ts"]
      }export * from "./libc/timeval.ts";\n`,
      "ffi/libc/timeval.ts": TIME,
    }),
    ["ffi/libc/timeval.ts: its documentation names <sys/time.h>"],
  );
  assertEquals(await problemsOf("sys/time.h", "time.h"), [
    "its documentation names <time.h>",
  ]);
});

Deno.test("headerProblems() reports entries whose prototype is missing or another", async () => {
  assertEquals(
    await problemsOf(/\/\*\* `int get.*\n/.exec(TIME)?.[0] ?? "", "\n"),
    [
      "gettimeofday has no prototype above it",
    ],
  );
  assertEquals(await problemsOf("time_t time(", "time_t other("), [
    "now has the prototype of another call: time_t other(void)",
  ]);
  assertEquals(await problemsOf(", void *tz", ""), [
    "gettimeofday has 2 parameters, and its prototype 1",
  ]);
});
