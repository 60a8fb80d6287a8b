/** Devices of other users and of other PID namespaces. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { isPrivileged } from "../../conformance/privileges.ts";
import { hasCommand, source, spawnCommand, watchdog } from "../../util.ts";
import { newPlace } from "./address.ts";

const privileged = isPrivileged();
const noRoot = privileged ? "" : " [skipped: may not become another user]";
const canUnshare = privileged && hasCommand("unshare");
const noNamespace = canUnshare ? "" : " [skipped: may not unshare]";

/** Prints the result of each call, one per line. */
const CALLS = `
  const say = (name, call) => {
    try {
      console.log(name, JSON.stringify(call()));
    } catch (error) {
      console.log(name, error.code, error.message);
    }
  };
  say("open", () => {
    using client = WaveClient.open(address);
    return [client.read().state, client.device.pid, client.end];
  });
  say("control", () => {
    using control = WaveControl.open(address);
    return control.key !== 0;
  });
  say("inspect", () => {
    const { status, device, objects, attached, attachCount } = inspect(address);
    return [status, device.pid, objects.length, attached.length, attachCount];
  });
  say("detach", () => detach(address));
  say("create", () =>
    WaveDevice.create({ waveform: "SIN", period: 1, ...address }));
`;

const STRANGER = `
  const { becomeNobody } = await import(${
  JSON.stringify(source("tests/conformance/privileges.ts"))
});
  inspect(address);
  becomeNobody();
  ${CALLS}
`;

Deno.test({
  name:
    "WaveDevice of mode 0o600 is closed to other users, who see it all the same" +
    noRoot,
  ignore: !privileged,
  async fn() {
    using _dog = watchdog("a stranger");
    await using place = await newPlace();
    const device = await place.spawnDevice();
    const stranger = place.spawn(STRANGER, { permissions: ["--allow-all"] });
    assertStringIncludes(await stranger.line(), "open EACCES");
    assertStringIncludes(await stranger.line(), "control EACCES");
    assertEquals(
      await stranger.line(),
      `inspect ["alive",${device.pid},3,0,1]`,
    );
    assertStringIncludes(await stranger.line(), "detach EACCES");
    assertStringIncludes(await stranger.line(), "create EACCES");
    device.kill("SIGKILL");
    await device.end();
    const after = place.spawn(STRANGER, { permissions: ["--allow-all"] });
    await after.line();
    await after.line();
    assertEquals(
      await after.line(),
      `inspect ["foreign",${device.pid},3,0,0]`,
    );
    assertStringIncludes(await after.line(), "detach EACCES");
    using next = place.create();
    assertEquals(next.removed.length, 3);
  },
});

Deno.test({
  name: "WaveDevice of mode 0o644 is read by other users, and no more" + noRoot,
  ignore: !privileged,
  async fn() {
    using _dog = watchdog("a stranger");
    await using place = await newPlace();
    using device = place.create({ mode: 0o644 });
    const done = device.run();
    const stranger = place.spawn(STRANGER, { permissions: ["--allow-all"] });
    assertEquals(await stranger.line(), `open ["on",${Deno.pid},null]`);
    assertStringIncludes(await stranger.line(), "control EACCES");
    assertEquals(await stranger.line(), `inspect ["alive",${Deno.pid},3,0,1]`);
    assertStringIncludes(
      await stranger.line(),
      `process ${Deno.pid} (deno)`,
    );
    assertStringIncludes(await stranger.line(), "create EEXIST");
    device.exit();
    await done;
  },
});

Deno.test({
  name: "WaveDevice of another PID namespace is known to live, and to die" +
    noNamespace,
  ignore: !canUnshare,
  async fn() {
    using _dog = watchdog("a PID namespace");
    await using place = await newPlace();
    const device = await place.spawnDevice();
    const code = `
      import * as all from "@libc/ipc/device";
      const { WaveDevice, WaveClient, WaveControl, inspect, detach } = all;
      const address = ${place.code};
      ${CALLS}
      const client = WaveClient.open(address);
      console.log("attached");
      for await (const _ of client.follow());
      console.log(client.end);
    `;
    await using inside = spawnCommand("unshare", {
      args: [
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        Deno.execPath(),
        "run",
        "--quiet",
        "--no-lock",
        `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
        "--allow-ffi",
        `data:application/typescript,${encodeURIComponent(code)}`,
      ],
    });
    assertEquals(await inside.line(), 'open ["on",0,null]');
    assertEquals(await inside.line(), "control true");
    assertEquals(await inside.line(), 'inspect ["alive",0,3,0,1]');
    const other = "a process of another PID namespace";
    assertStringIncludes(await inside.line(), `${other} runs it (EBUSY)`);
    assertStringIncludes(await inside.line(), `${other} already runs it`);
    assertEquals(await inside.line(), "attached");
    device.kill("SIGKILL");
    assertEquals(await inside.line(), "died");
    await device.end();
    place.create().close();
  },
});
