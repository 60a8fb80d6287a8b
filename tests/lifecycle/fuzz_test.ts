// No sequence of public calls, with any arguments, ends the process.

import { assertEquals } from "@std/assert";
import { isPrivileged } from "../conformance/privileges.ts";
import { scaled } from "../util.ts";

const CHILD = new URL("fuzz_child.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const ROUNDS = scaled(4000, 100_000);

const privileged = isPrivileged();

for (let i = 0; i < 4; i++) {
  Deno.test({
    name: `${ROUNDS} senseless calls are survived, run ${i}${
      privileged ? "" : " [skipped: needs CAP_SYS_ADMIN for a namespace]"
    }`,
    ignore: !privileged,
    async fn() {
      const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
      const { code, signal, stdout, stderr } = await new Deno.Command(
        Deno.execPath(),
        {
          args: [
            "run",
            "--quiet",
            "--no-check",
            "--allow-all",
            `--config=${CONFIG}`,
            CHILD,
            String(seed),
            String(ROUNDS),
          ],
          env: { TMPDIR: "/tmp" },
          stdin: "null",
        },
      ).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assertEquals(
        // The calls may have written to standard output before.
        { code, signal, end: text(stdout).slice(-6) },
        { code: 0, signal: null, end: "alive\n" },
        `seed ${seed}: ${text(stderr)}`,
      );
    },
  });
}
