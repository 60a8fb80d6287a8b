import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities } from "@libc/ipc/capabilities";
import { descriptors } from "../ipc/memory/process_state.ts";
import { EMULATED } from "../util.ts";

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
