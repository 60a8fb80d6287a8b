import { assertEquals, assertStringIncludes } from "@std/assert";
import { callsOf, entriesOf, generate } from "./generate_calls.ts";
import { type Files, withRepository } from "./testing.ts";

const TABLE = `import { int } from "./_types.ts";
import { table } from "./_open.ts";

const symbols = {
  /** \`int semget(key_t key, int nsems, int semflg);\` */
  semget: { parameters: [int, int, int], result: int },
  /**
   * \`int semctl(int semid, int semnum, int cmd, int val);\` for \`SETVAL\`
   */
  semctl_val: {
    name: "semctl",
    parameters: [int, int, int, int],
    result: int,
  },
  /** \`int semctl(int semid, int semnum, int cmd);\` */
  semctl: { parameters: [int, int, int], result: int },
  semop: { parameters: [int], result: int, optional: true },
} as const;

const notTable = [{
  name: "nothing",
}];

/** Opens. */
export const sys_sem = table(symbols);
`;

Deno.test("entriesOf() reads the names and aliases of a table", () => {
  assertEquals(
    entriesOf("ffi/libc/sys_sem.ts", TABLE),
    [
      { name: "semget", call: "semget", file: "ffi/libc/sys_sem.ts" },
      { name: "semctl_val", call: "semctl", file: "ffi/libc/sys_sem.ts" },
      { name: "semctl", call: "semctl", file: "ffi/libc/sys_sem.ts" },
      { name: "semop", call: "semop", file: "ffi/libc/sys_sem.ts" },
    ],
  );
});

Deno.test("entriesOf() names a call made through syscall() by its entry", () => {
  const source = `const symbols = {
  futex: {
    name: "syscall",
    parameters: [],
  },
  syscall: { parameters: [] },
};
`;
  assertEquals(
    entriesOf("ffi/libc/linux_futex.ts", source).map(({ call }) => call),
    ["futex", "syscall"],
  );
});

Deno.test("callsOf() takes the calls that a doc comment begins with", () => {
  assertEquals(callsOf("`shmat`: maps `IPC_PRIVATE`."), ["shmat"]);
  assertEquals(
    callsOf("`shmctl(IPC_INFO)` and `shmctl(SHM_INFO)`: limits"),
    ["shmctl", "shmctl"],
  );
  assertEquals(callsOf("`read` or\n`pread`: reads"), ["read", "pread"]);
  assertEquals(callsOf("`ftok`\n\n`other`"), ["ftok"]);
  assertEquals(callsOf("Keeps it until `close`."), []);
  assertEquals(callsOf(undefined), []);
});

const REPOSITORY: Files = {
  "deno.json": JSON.stringify({
    exports: { "./sysv-sem": "./ipc/sysv/semaphore_set.ts" },
  }),
  "ffi/libc/sys_sem.ts": TABLE,
  "ffi/libc/_open.ts": "const symbols = {\n  hidden: { a: 1 },\n};\n",
  "ipc/sysv/_sem.ts":
    `import { sys_sem } from "../../ffi/libc/sys_sem.ts";\n/** Private. */\n// Better than \`semop\` and \`semctl\`.\nexport function get(): void {\n  sys_sem().semget();\n}\n`,
  "ipc/sysv/semaphore_set.ts": `/** A set. */
export class SysvSemaphoreSet {
  /** \`semop\`: operates. */
  operate(): void {}
  /** \`semctl(GETVAL)\`: a value. */
  get value(): number {
    return 1;
  }
}
`,
  "tests/a_test.ts": `error.syscall === "semget";`,
  "tests/b_test.ts": `new SysvSemaphoreSet().operate();`,
  "tests/c_test.ts": `other.operate(); // semget, semop`,
  "tests/d_test.ts":
    `import { SETVAL, sys_sem as libc } from "../ffi/libc/sys_sem.ts"; libc().semctl_val();`,
  "tests/e_test.ts":
    `import { sys_sem } from "../ffi/libc/sys_sem.ts"; other.semop(); sys_sem().other();`,
};

Deno.test("generate() lists each call with its raw file, wrapper and tests", async () => {
  const text = await withRepository(REPOSITORY, generate);
  assertEquals(text.split("\n").slice(5), [
    "## `<sys/sem.h>`",
    "",
    "| libc call | raw file | wrapper | test |",
    "| --- | --- | --- | --- |",
    "| `semget` | [sys_sem.ts](ffi/libc/sys_sem.ts) | in [_sem.ts](ipc/sysv/_sem.ts) | [a_test.ts](tests/a_test.ts) |",
    "| `semctl` | [sys_sem.ts](ffi/libc/sys_sem.ts): `semctl_val`, `semctl` | [`SysvSemaphoreSet.value`](ipc/sysv/semaphore_set.ts) | [d_test.ts](tests/d_test.ts) |",
    "| `semop` | [sys_sem.ts](ffi/libc/sys_sem.ts) | [`SysvSemaphoreSet.operate()`](ipc/sysv/semaphore_set.ts) | [b_test.ts](tests/b_test.ts) |",
    "",
  ]);
});

Deno.test("generate() prefers a public wrapper to a private one", async () => {
  const text = await withRepository({
    ...REPOSITORY,
    "ipc/sysv/_sem.ts":
      "/** `semop`: privately. */\nexport function operate(): void {}\n",
  }, generate);
  assertStringIncludes(
    text,
    "| [`SysvSemaphoreSet.operate()`](ipc/sysv/semaphore_set.ts) |",
  );
});
