import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  check0,
  checkInt,
  checkPtr,
  checkRc,
  checkSize,
  corruptError,
  ERRNO,
  errnoMessage,
  errnoName,
  errnoOf,
  IpcError,
  ipcError,
  timeoutError,
  unless,
} from "@libc/ipc/errno";
import { errno, MAP_PRIVATE, sys_mman, sys_msg, unistd } from "@libc/ipc/ffi";
import { codeOf, scaled, watchdog } from "../util.ts";

Deno.test("IpcError carries the code, the number and the call", () => {
  const error = new IpcError("Cannot do it", { errno: 2, syscall: "open" });
  assertInstanceOf(error, Error);
  assertEquals(error.name, "IpcError");
  assertEquals(error.code, "ENOENT");
  assertEquals(error.errno, 2);
  assertEquals(error.syscall, "open");
  assertEquals("cause" in error, false);
});

Deno.test("unless() takes one code for an answer, and throws the others", () => {
  const fail = () => {
    throw new IpcError("x", { errno: ERRNO.ENOENT, syscall: "open" });
  };
  assertEquals(unless("ENOENT", fail), undefined);
  assertThrows(() => unless("EEXIST", fail), IpcError, "x");
  assertEquals(unless("ENOENT", () => 3), 3);
});

Deno.test("IpcError keeps an unknown number in its code", () => {
  assertEquals(new IpcError("x", { errno: 4095, syscall: "x" }).code, "E4095");
});

Deno.test("errnoName() prefers the names that strerror knows", () => {
  assertEquals(errnoName(11), "EAGAIN");
  assertEquals(errnoName(35), "EDEADLK");
  assertEquals(errnoName(95), "EOPNOTSUPP");
  assertEquals(errnoName(0), "E0");
});

Deno.test("errnoMessage() is the text of the C library", () => {
  assertEquals(errnoMessage(ERRNO.EEXIST), "File exists");
  assertEquals(errnoMessage(4095), "Unknown error 4095");
});

Deno.test("ipcError() says action, object, call, code and hint", () => {
  assertEquals(
    ipcError(17, "shm_open", "create", 'shared memory "/ring"', "try again")
      .message,
    'Cannot create shared memory "/ring": shm_open failed with EEXIST (File exists): try again',
  );
});

Deno.test("timeoutError() is ETIMEDOUT whatever the kernel said", () => {
  const error = timeoutError("semtimedop", "acquire", "a semaphore", 50);
  assertEquals(error.code, "ETIMEDOUT");
  assertStringIncludes(error.message, "after 50 ms");
});

Deno.test("corruptError() is EBADMSG", () => {
  assertEquals(
    corruptError("read", "read", "a ring", "no magic").code,
    "EBADMSG",
  );
});

Deno.test("check0() throws the errno of a call that returned -1", () => {
  const error = assertThrows(
    () => check0(unistd().close(-1), errno[0], "close", "close", "nothing"),
    IpcError,
    "Cannot close nothing: close failed with EBADF (Bad file descriptor)",
  );
  assertEquals(error.syscall, "close");
  check0(0, errno[0], "close", "close", "nothing");
});

Deno.test("checkInt() and checkSize() give back what is no failure", () => {
  assertEquals(checkInt(7, errno[0], "open", "open", "x"), 7);
  assertEquals(checkSize(7n, errno[0], "read", "read", "x"), 7);
  assertEquals(checkSize(7, errno[0], "read", "read", "x"), 7);
});

Deno.test("checkInt() and checkSize() throw when the call returned -1", () => {
  const b = new Uint8Array(1);
  for (const check of [checkInt, checkSize]) {
    const error = assertThrows(
      () => check(unistd().read(-1, b, 1), errno[0], "read", "read", "nothing"),
      IpcError,
    );
    assertEquals(error.code, "EBADF");
  }
  unistd().close(-1);
  assertEquals(
    assertThrows(() => checkSize(-1n, errno[0], "read", "read", "x"), IpcError)
      .code,
    "EBADF",
  );
});

Deno.test("checkPtr() knows null and all ones as failures", () => {
  const map = () => sys_mman().mmap(null, 4096n, 0, MAP_PRIVATE, -1, 0n);
  assert(map() !== null, "MAP_FAILED is not null");
  assertEquals(
    assertThrows(() => checkPtr(map(), errno[0], "mmap", "map", "x"), IpcError)
      .code,
    "EBADF",
  );
  sys_msg().msgrcv(-1, new Uint8Array(16), 1, 0n, 0);
  assertEquals(
    assertThrows(
      () => checkPtr(null, errno[0], "sem_open", "open", "x"),
      IpcError,
    ).code,
    "EINVAL",
  );
});

Deno.test("checkRc() takes the error from the result itself", () => {
  checkRc(0, "pthread_mutex_lock", "lock", "x");
  assertEquals(
    assertThrows(() => checkRc(22, "posix_spawn", "start", "x"), IpcError).code,
    "EINVAL",
  );
});

// A second FFI call after the failed one would occasionally read another errno.
// The cached view prevents that.
const ROUNDS = scaled(400_000, 5_000_000);

/** Counts wrong codes over failing calls of three kinds. */
function wrongCodes(rounds: number): number {
  const io = unistd();
  const queues = sys_msg();
  const memory = sys_mman();
  const garbage: unknown[] = [];
  const byte = new Uint8Array(16);
  let wrong = 0;
  for (let i = 0; i < rounds; i++) {
    if (errnoOf(io.close(-1), errno[0]) !== ERRNO.EBADF) wrong++;
    garbage[i & 1023] = { i, text: `garbage ${i}`, array: new Array(8) };
    if (errnoOf(queues.msgrcv(-1, byte, 1, 0n, 0), errno[0]) !== ERRNO.EINVAL) {
      wrong++;
    }
    if (errnoOf(memory.shm_unlink(byte), errno[0]) === 0) wrong++;
  }
  return wrong;
}

Deno.test(`errnoOf() is right ${3 * ROUNDS} times under allocation`, () => {
  assertEquals(wrongCodes(ROUNDS), 0);
});

Deno.test("errnoOf() is right in workers of its own while files are read", async () => {
  using _dog = watchdog("workers and errno", 120);
  const code = `
    import { ERRNO, errnoOf } from "@libc/ipc/errno";
    import { errno, sys_msg, unistd } from "@libc/ipc/ffi";
    const byte = new Uint8Array(16);
    let wrong = 0, garbage = [];
    for (let i = 0; i < ${scaled(300_000, 5_000_000)}; i++) {
      if (errnoOf(unistd().close(-1), errno[0]) !== ERRNO.EBADF) wrong++;
      garbage[i & 255] = { i, text: "garbage " + i };
      if (errnoOf(sys_msg().msgrcv(-1, byte, 1, 0n, 0), errno[0]) !== ERRNO.EINVAL) wrong++;
    }
    postMessage(wrong);`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const workers = Array.from(
    { length: 4 },
    () => new Worker(url, { type: "module" }),
  );
  let reading = true;
  const load = (async () => {
    while (reading) await Deno.readFile(new URL(import.meta.url));
  })();
  const results = await Promise.all(workers.map((worker) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(event.error ?? event.message);
    return promise;
  }));
  reading = false;
  await load;
  for (const worker of workers) worker.terminate();
  assertEquals(results, [0, 0, 0, 0]);
});

const THROWS = scaled(20_000, 5_000_000);

Deno.test(`check0() throws errors with the right code ${THROWS} times`, () => {
  for (let i = 0; i < THROWS; i++) {
    const code = codeOf(() =>
      check0(unistd().close(-1), errno[0], "close", "close", "nothing")
    );
    if (code !== "EBADF") assertEquals(code, "EBADF", `round ${i}`);
  }
});
