import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities } from "@libc/ipc/capabilities";
import { descriptors } from "../ipc/memory/process_state.ts";
import { EMULATED, source, spawnDeno } from "../util.ts";

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
});

Deno.test("capabilities() leaves nothing open and looks once", () => {
  const before = descriptors();
  const found = capabilities();
  assertStrictEquals(capabilities(), found);
  assert(Object.isFrozen(found));
  assertEquals(descriptors(), before);
});

Deno.test("capabilities() says that it could not try without descriptors, and tries again", async () => {
  await using child = spawnDeno(
    `import { capabilities } from "@libc/ipc/capabilities";
    import { EventFd } from "@libc/ipc/eventfd";
    import { sys_resource } from "${source("ffi/libc/sys_resource.ts")}";
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
