import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  entriesOf,
  generate,
  mentionsOf,
  staleness,
  structsOf,
} from "./generate_calls.ts";
import { type Files, withRepository } from "./testing.ts";

const TABLE = `import { int } from "./_types.ts";
import { table } from "./_open.ts";

const symbols = {
  /** \`int semget(key_t key, int nsems, int semflg);\` */
  semget: { parameters: [int, int, int], result: int },
  /**
   * \`int semctl(int semid, int semnum, int cmd, void *arg);\` for \`IPC_STAT\`,
   * \`SETALL\`; \`IPC_…\` are in \`sys_ipc.ts\`
   */
  semctl_buf: { name: "semctl", parameters: [int, int, int], result: int },
  /** \`int semctl(int semid, int semnum, SETVAL, int val);\` */
  semctl_val: {
    name: "semctl",
    parameters: [int, int, int, int],
    result: int,
  },
  /** \`int semctl(int semid, int semnum, int cmd);\` for \`GETVAL\` */
  semctl: { parameters: [int, int, int], result: int },
  semop: { parameters: [int], result: int, optional: true },
} as const;

const notTable = [{
  name: "nothing",
}];

/** Opens. */
export const sys_sem = table(symbols);

/** \`SETVAL\` */
export const SETVAL = 16;

/** \`struct sembuf\` of \`<sys/sem.h>\`: one operation */
export const sembuf: Struct<typeof sembuf_fields> = lazyStruct(sembuf_fields);
`;

Deno.test("entriesOf() reads the names, aliases and commands of a table", () => {
  const file = "ffi/libc/sys_sem.ts";
  assertEquals(
    entriesOf(file, TABLE),
    [
      { name: "semget", call: "semget", file, commands: [] },
      {
        name: "semctl_buf",
        call: "semctl",
        file,
        commands: ["IPC_STAT", "SETALL"],
      },
      { name: "semctl_val", call: "semctl", file, commands: ["SETVAL"] },
      { name: "semctl", call: "semctl", file, commands: ["GETVAL"] },
      { name: "semop", call: "semop", file, commands: [] },
    ],
  );
});

Deno.test("entriesOf() takes no flag for a command", () => {
  const source = `const symbols = {
  /** \`int mq_open(const char *name, int oflag);\` for \`O_CREAT\` */
  mq_open: { parameters: [] },
  /** \`int shmctl(int shmid, IPC_RMID, NULL);\` */
  shmctl: { parameters: [] },
};
`;
  assertEquals(
    entriesOf("ffi/libc/a.ts", source).map(({ commands }) => commands),
    [[], ["IPC_RMID"]],
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

Deno.test("structsOf() reads the structs of a header, as C names them", () => {
  const source = `/** The fields of \`struct flock\`. */
export const flock_fields = {} as const;

/** \`struct flock\` of \`<fcntl.h>\` */
export const flock: Struct<typeof flock_fields> = lazyStruct(flock_fields);

/**
 * \`struct\`: no struct
 */
/** \`sem_t\`, of 32 bytes */
export const sem_t: Struct<
  typeof sem_t_fields
> = lazyStruct(sem_t_fields);

/** \`struct stat\` */
export const stat:
  | Struct<typeof stat_x86_64_fields>
  | Struct<typeof stat_generic_fields> = lazyStruct(fields);
/** \`F_GETFL\` */
export const F_GETFL = 3;
`;
  assertEquals(structsOf(source), ["struct flock", "sem_t", "struct stat"]);
});

Deno.test("mentionsOf() takes the calls that a doc comment begins with", () => {
  const mentions = (doc?: string) =>
    mentionsOf(doc).map(({ call, args }) => args ? `${call}(${args})` : call);
  assertEquals(mentions("`shmat`: maps `IPC_PRIVATE`."), ["shmat"]);
  assertEquals(
    mentions("`shmctl(IPC_INFO)` and `shmctl(SHM_INFO)`: limits"),
    ["shmctl(IPC_INFO)", "shmctl(SHM_INFO)"],
  );
  assertEquals(mentions("`read` or\n`pread`: reads"), ["read", "pread"]);
  assertEquals(mentions("`ftok`\n\n`other`"), ["ftok"]);
  assertEquals(mentions("Keeps it until `close`."), []);
  assertEquals(mentions(undefined), []);
});

const REPOSITORY: Files = {
  "deno.json": JSON.stringify({
    exports: { "./sysv-sem": "./ipc/sysv/semaphore_set.ts" },
  }),
  "ffi/libc/sys_sem.ts": TABLE,
  "ffi/libc/errno.ts": "export const EPERM = 1;\n",
  "ffi/libc/_open.ts": "const symbols = {\n  hidden: { a: 1 },\n};\n",
  "ipc/sysv/_sem.ts":
    `import { sys_sem } from "../../ffi/libc/sys_sem.ts";\n/** Private. */\n// Better than \`semop\` and \`semctl\`.\nexport function get(): void {\n  sys_sem().semget();\n  sys_sem().semctl_buf(0, SETALL);\n}\n`,
  "ipc/sysv/semaphore_set.ts": `import { get } from "./_sem.ts";
/** A set. */
export class SysvSemaphoreSet {
  /** \`semop\`: operates. */
  operateSync(): void {}
  /** \`semctl(IPC_STAT)\`, \`semop\`: looks, then operates. */
  look(): void {}
  /** \`semop\`: operates. */
  operate(): void {}
  /** \`semctl(GETVAL)\`: a value. */
  get value(): number {
    return get();
  }
}
`,
  "tests/ipc/sysv/semaphore_set_test.ts": `set.operate(); set.look();`,
  "tests/ipc/sysv/value_test.ts": `if (set.value) assert(set.value);`,
  "tests/ipc/sysv/other_test.ts": `assert(set.value);`,
  "tests/interop/raw_test.ts":
    `import { SETVAL, sys_sem as libc } from "../ffi/libc/sys_sem.ts"; libc().semctl_val(0, 0, SETVAL);`,
  "tests/interop/none_test.ts":
    `import { sys_sem } from "../ffi/libc/sys_sem.ts"; other.semctl_val(); sys_sem().other();`,
};

Deno.test("generate() gives each call and command a line with its raw file, wrapper and test", async () => {
  const { text, problems } = await withRepository(REPOSITORY, generate);
  assertEquals(problems, []);
  assertEquals(text.slice(text.indexOf("Call | Raw")).split("\n"), [
    "Call | Raw | Wrapper | Test",
    "--- | --- | --- | ---",
    "`semctl(GETVAL)` | [sys_sem.ts] | [`SysvSemaphoreSet.value`][semaphore_set.ts] | [value_test.ts]",
    "`semctl(IPC_STAT)` | [sys_sem.ts] `semctl_buf` | [`SysvSemaphoreSet.look()`][semaphore_set.ts] | [semaphore_set_test.ts]",
    "`semctl(SETALL)` | [sys_sem.ts] `semctl_buf` | in [_sem.ts] | [semaphore_set_test.ts]",
    "`semctl(SETVAL)` | [sys_sem.ts] `semctl_val` | raw only | [raw_test.ts]",
    "`semget` | [sys_sem.ts] | in [_sem.ts] | [semaphore_set_test.ts]",
    "`semop` | [sys_sem.ts] | [`SysvSemaphoreSet.operate()`][semaphore_set.ts] | [semaphore_set_test.ts]",
    "",
    "## Structs",
    "",
    "Flags and structs of `<sys/shm.h>` are in `sys_shm.ts`, and so on.",
    "",
    "- [sys_sem.ts]: `struct sembuf`",
    "",
    "These have only flags: [errno.ts].",
    "",
    "[_sem.ts]: ipc/sysv/_sem.ts",
    "[errno.ts]: ffi/libc/errno.ts",
    "[raw_test.ts]: tests/interop/raw_test.ts",
    "[semaphore_set.ts]: ipc/sysv/semaphore_set.ts",
    "[semaphore_set_test.ts]: tests/ipc/sysv/semaphore_set_test.ts",
    "[sys_sem.ts]: ffi/libc/sys_sem.ts",
    "[value_test.ts]: tests/ipc/sysv/value_test.ts",
    "",
  ]);
});

Deno.test("generate() prefers a public wrapper to a private one", async () => {
  const { text } = await withRepository({
    ...REPOSITORY,
    "ipc/sysv/_sem.ts":
      "/** `semop`: privately. */\nexport function operate(): void {}\n",
  }, generate);
  assertStringIncludes(
    text,
    "| [`SysvSemaphoreSet.operate()`][semaphore_set.ts] |",
  );
});

Deno.test("generate() names a method after the class that makes an abstract one whole", async () => {
  const { text } = await withRepository({
    ...REPOSITORY,
    "ipc/sysv/semaphore_set.ts": `/** A part. */
export abstract class Part {
  /** \`semop\`: operates. */
  operate(): void {}
}
/** A set. */
export class SysvSemaphoreSet extends Part {}
`,
  }, generate);
  assertStringIncludes(
    text,
    "| [`SysvSemaphoreSet.operate()`][semaphore_set.ts] |",
  );
});

Deno.test("generate() names wrappers of two mechanisms, and as much of a path as tells files apart", async () => {
  const { text } = await withRepository({
    ...REPOSITORY,
    "deno.json": JSON.stringify({
      exports: {
        "./sysv-sem": "./ipc/sysv/semaphore_set.ts",
        "./posix-sem": "./ipc/posix/semaphore_set.ts",
        "./device": "./ipc/device/mod.ts",
      },
    }),
    "ipc/posix/semaphore_set.ts": `/** Another. */
export class PosixSet {
  /** \`semop\`: operates. */
  operate(): void {}
}
`,
    "ipc/device/mod.ts":
      "/** `semop`: by a mechanism. */\nexport function semop(): void {}\n",
  }, generate);
  assertStringIncludes(
    text,
    "| [`PosixSet.operate()`][posix/semaphore_set.ts], [`SysvSemaphoreSet.operate()`][sysv/semaphore_set.ts] |",
  );
});

Deno.test("generate() tells of calls without a test, and of too long a text", async () => {
  const { ["tests/interop/raw_test.ts"]: _, ...repository } = REPOSITORY;
  const { text, problems } = await withRepository(
    repository,
    (root) => generate(root, 100),
  );
  assertStringIncludes(text, "| raw only | -\n");
  assertEquals(problems, [
    "CALLS.md: no test for semctl(SETVAL)",
    `CALLS.md has ${
      new TextEncoder().encode(text).length
    } bytes, more than 100`,
  ]);
});

Deno.test("staleness() compares CALLS.md with what it should be", async () => {
  const stale = ["CALLS.md is stale: run deno task calls"];
  await withRepository(REPOSITORY, (root) => {
    assertEquals(staleness(root, "text"), stale);
    Deno.writeTextFileSync(`${root}CALLS.md`, "text");
    assertEquals(staleness(root, "text"), []);
    assertEquals(staleness(root, "other"), stale);
  });
});
