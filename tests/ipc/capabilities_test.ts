import { assertEquals } from "@std/assert";
import { capabilities } from "@libc/ipc/capabilities";
import { isPrivileged } from "../conformance/privileges.ts";
import {
  EMULATED,
  notEmulated,
  source,
  spawnDeno,
  uniqueName,
} from "../util.ts";

/** The kernel's version as one number: 6.3 is 6003. */
function kernel(): number {
  const [major, minor] = Deno.osRelease().split(".");
  return Number(major) * 1000 + Number.parseInt(minor ?? "0");
}

Deno.test("capabilities() agrees with the kernel's version", () => {
  const found = capabilities();
  assertEquals(found.memfd, true);
  assertEquals(found.memfdFutureWrite, kernel() >= 5001);
  assertEquals(found.memfdExec, kernel() >= 6003);
  // User-mode emulators lack it.
  assertEquals(found.processVmRead, !EMULATED);
  assertEquals(found.devShm, true);
  assertEquals(found.signalfd, true);
});

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  ...notEmulated(
    "capabilities() agrees with what the kernel was built with",
    "is between us and the kernel",
  ),
  fn() {
    const found = capabilities();
    assertEquals(
      {
        sysv: found.sysv,
        posixMessageQueue: found.posixMessageQueue,
        messageCopy: found.messageCopy,
        inet6: found.inet6,
        memfdHugePages: found.memfdHugePages,
      },
      {
        sysv: isThere("/proc/sys/kernel/msgmax"),
        posixMessageQueue: isThere("/proc/sys/fs/mqueue/msg_max"),
        // This also depends on CONFIG_CHECKPOINT_RESTORE.
        messageCopy: isThere("/proc/sys/kernel/msg_next_id"),
        inet6: isThere("/proc/net/if_inet6"),
        memfdHugePages: isThere("/proc/sys/vm/nr_hugepages"),
      },
    );
  },
});

const privileged = isPrivileged();

Deno.test({
  name: `capabilities() sees whether /dev/shm may be written to${
    privileged ? "" : " [skipped: no CAP_SYS_ADMIN]"
  }`,
  ignore: !privileged,
  async fn() {
    for (const options of ["ro", "nr_inodes=1"]) {
      await using child = spawnDeno(
        `import { mountShm } from "${
          source("tests/conformance/privileges.ts")
        }";
        import { capabilities } from "@libc/ipc/capabilities";
        mountShm("${options}");
        console.log(capabilities().devShm);
        console.log([...Deno.readDirSync("/dev/shm")].length);`,
        { permissions: ["--allow-all"] },
      );
      const { stdout, stderr } = await child.end();
      // A file system without space counts as present, too.
      assertEquals(stdout, `${options !== "ro"}\n0\n`, stderr);
    }
  },
});

Deno.test({
  name: `capabilities() and errors know of a missing /dev/shm${
    privileged ? "" : " [skipped: no CAP_SYS_ADMIN]"
  }`,
  ignore: !privileged,
  async fn() {
    await using child = spawnDeno(
      `import { hideShm } from "${source("tests/conformance/privileges.ts")}";
      import { capabilities, PosixSemaphore, PosixSharedMemory } from "@libc/ipc";
      hideShm();
      console.log(capabilities().devShm);
      const name = "/${uniqueName()}";
      for (const create of [
        () => PosixSharedMemory.create(name, { size: 1 }),
        () => PosixSharedMemory.openOrCreate(name, { size: 1 }),
        () => PosixSemaphore.create(name),
        () => PosixSemaphore.openOrCreate(name),
      ]) {
        try {
          create();
        } catch ({ code, message }) {
          console.log(code, message.endsWith("is /dev/shm mounted?"));
        }
      }`,
      { permissions: ["--allow-all"] },
    );
    const { stdout, stderr } = await child.end();
    assertEquals(stdout, `false\n${"ENOENT true\n".repeat(4)}`, stderr);
  },
});

Deno.test("capabilities() leaves nothing open and looks once", async () => {
  await using child = spawnDeno(
    `import { openedSince, openFds } from "${source("tests/descriptors.ts")}";
    import { capabilities } from "@libc/ipc/capabilities";
    const before = openFds();
    const found = capabilities();
    console.log(openedSince(before));
    console.log(capabilities() === found, Object.isFrozen(found));`,
    { permissions: ["--allow-all"] },
  );
  const { stdout, stderr } = await child.end();
  assertEquals(stdout, "[]\ntrue true\n", stderr);
});

Deno.test("capabilities() says that it could not try without descriptors, and tries again", async () => {
  await using child = spawnDeno(
    `import { capabilities } from "@libc/ipc/capabilities";
    import { EventFd } from "@libc/ipc/eventfd";
    import { sys_resource } from "@libc/ipc/ffi";
    const RLIMIT_NOFILE = 7;
    const limits = new BigUint64Array(2);
    sys_resource().getrlimit(RLIMIT_NOFILE, limits);
    sys_resource().setrlimit(RLIMIT_NOFILE, BigUint64Array.of(60n, limits[1]));
    const events = [];
    try {
      for (;;) events.push(EventFd.create());
    } catch (error) {
      if (error.code !== "EMFILE") throw error;
    }
    try {
      console.log(capabilities());
    } catch (error) {
      console.log(error.code);
    }
    for (const event of events) event.close();
    console.log(capabilities().memfd);`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "EMFILE\ntrue\n"], stderr);
});
