// Descriptors that run out at every step of every constructor: it fails with
// EMFILE, leaves nothing behind, and succeeds as soon as there are enough.

import { assert, assertEquals } from "@std/assert";
import { watchdog } from "../util.ts";
import { constructors } from "./constructors.ts";
import { handles } from "./handles.ts";

const CHILD = new URL("exhaustion_child.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Those that take no descriptor. */
const WITHOUT = new Set([
  "SysvSharedMemory",
  "SysvSemaphoreSet",
  "SysvMessageQueue",
  "Mapping",
  "FileLock",
  "SignalListener",
  "lockFileSync()",
  // Says that the descriptors are lost.
  "Socket.receiveFds()",
]);

for (const name of [...Object.keys(handles), ...Object.keys(constructors)]) {
  Deno.test(`${name} without a descriptor at any step leaves nothing behind`, async () => {
    using _dog = watchdog(name);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--allow-all",
        `--config=${CONFIG}`,
        CHILD,
        name,
      ],
      env: { TMPDIR: "/tmp" },
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals(code, 0, text(stderr));
    const { failures, leaked } = JSON.parse(text(stdout));
    assertEquals(leaked, "");
    assert(failures.length < 60, "it never succeeded");
    assertEquals(failures, failures.map(() => "EMFILE"));
    assertEquals(failures.length === 0, WITHOUT.has(name), `${failures}`);
  });
}
