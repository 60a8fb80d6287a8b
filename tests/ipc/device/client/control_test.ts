import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { spy } from "@std/testing/mock";
import { WaveControl } from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { until, watchdog } from "../../../util.ts";
import { newPlace } from "../address.ts";

Deno.test("send() does each command and gives the state after it", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using control = WaveControl.open(place.address);
  assertEquals(control.key, device.key);
  assertEquals((await control.stop()).state, "paused");
  assertEquals(device.state, "paused");
  assertEquals((await control.start()).state, "on");
  const changed = await control.config({ waveform: "QUA", period: 0.25 });
  assertEquals([changed.waveform, changed.period], ["QUA", 0.25]);
  assertEquals((await control.send("CONFIG bits=5")).bits, 5);
  const status = await control.status();
  assertEquals(status.commands, 5);
  assertEquals(status.pid, Deno.pid);
  const { clients, rate: _rate, uptime: _uptime, ...rest } = device.status();
  assertEquals(clients, 0);
  assertEquals([rest.key, rest.waveform], [status.key, status.waveform]);
  assertEquals((await control.exit()).state, "closing");
  assertEquals((await done).commands, 6);
});

Deno.test("send() answers each of many askers with its own", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  const controls = Array.from(
    { length: 10 },
    () => WaveControl.open(place.address),
  );
  const answers = await Promise.all(
    controls.flatMap((control, i) =>
      Array.from(
        { length: 10 },
        (_, k) => control.config({ bits: 2 + (i + k) % 20 }),
      )
    ),
  );
  answers.forEach(({ bits }, n) => {
    assertEquals(bits, 2 + (Math.floor(n / 10) + n % 10) % 20);
  });
  for (const control of controls) control.close();
  device.exit();
  assertEquals((await done).commands, 100);
});

Deno.test("send() refuses a wrong command before it sends it", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using control = WaveControl.open(place.address);
  await assertRejects(() => control.send("dance"), TypeError, "dance");
  await assertRejects(() => control.config({ bits: 99 }), RangeError, "99");
  await assertRejects(() => control.config({}), TypeError, "at least one");
  await assertRejects(
    () => control.status({ timeout: -1 }),
    RangeError,
    "timeout",
  );
  device.exit();
  assertEquals((await done).commands, 0);
});

Deno.test("WaveDevice answers a wrong command of a C program with an error", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using queue = SysvMessageQueue.open(device.key);
  const ask = async (line: string) => {
    queue.sendSync(1, `${Deno.pid} ${line}`);
    const { data } = await queue.receive({ type: Deno.pid });
    return new TextDecoder().decode(data);
  };
  assertEquals(
    await ask("config bits=99"),
    "error EINVAL bits must be an integer from 2 to 31, got 99",
  );
  assertStringIncludes(
    await ask("dance\0"),
    "error EINVAL command must be one",
  );
  assertStringIncludes(await ask("stop\0"), 'ok {"key":');
  assertEquals(device.state, "paused");
  device.exit();
  await done;
});

Deno.test("send() times out when the device is busy, and aborts", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  // The device does not run, so nobody serves the queue.
  using device = place.create();
  using control = WaveControl.open(place.address);
  const error = await assertRejects(
    () => control.status({ timeout: 30 }),
    IpcError,
    "Cannot get an answer to status from the device of",
  );
  assertEquals(error.code, "ETIMEDOUT");
  const controller = new AbortController();
  const aborted = control.status({ signal: controller.signal });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => aborted, RangeError, "enough");
  // The requests are served later; their answers must not stay for ever.
  const done = device.run();
  assertEquals((await control.status()).commands, 3);
  device.exit();
  await done;
});

Deno.test("send() waits no longer with a timeout of undefined than without", async () => {
  await using place = await newPlace();
  using _device = place.create();
  using control = WaveControl.open(place.address);
  const controller = new AbortController();
  const { signal } = controller;
  using timers = spy(globalThis, "setTimeout");
  const pending = [
    control.status({ signal }),
    control.status({ signal, timeout: undefined }),
  ];
  controller.abort(new RangeError("enough"));
  for (const { status } of await Promise.allSettled(pending)) {
    assertEquals(status, "rejected");
  }
  const delays = timers.calls.map(({ args: [, delay] }) => delay);
  assertEquals(delays.filter((delay) => delay === 5000).length, 2);
});

Deno.test("send() fails when the device ends without an answer", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  using control = WaveControl.open(place.address);
  const status = control.status();
  await new Promise((resolve) => setTimeout(resolve, 10));
  device.close();
  const error = await assertRejects(
    () => status,
    IpcError,
    "it ended before it answered",
  );
  assertEquals(error.code, "EIDRM");
});

Deno.test("send() waits for room in a full queue", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  using queue = SysvMessageQueue.open(device.key);
  // Messages of a type that nobody receives.
  while (queue.trySend(0x7fff_fffe, "x".repeat(1000)));
  while (queue.trySend(0x7fff_fffe, ""));
  using control = WaveControl.open(place.address);
  const done = device.run();
  const status = control.status();
  await new Promise((resolve) => setTimeout(resolve, 40));
  queue.tryReceive();
  queue.tryReceive();
  assertEquals((await status).state, "on");
  device.exit();
  // Messages of others do not keep it from ending.
  await done;
});

Deno.test("send() trusts no answer", async () => {
  using _dog = watchdog("send");
  await using place = await newPlace();
  using device = place.create();
  using control = WaveControl.open(place.address);
  using queue = SysvMessageQueue.open(device.key);
  for (const lie of ["", "ok {}", "ok null", "yes", "error", "\0"]) {
    const status = control.status();
    await until(() => queue.stat().messages > 0);
    const request = queue.tryReceive({ type: 1 });
    const type = Number(new TextDecoder().decode(request?.data).split(" ")[0]);
    queue.sendSync(type, lie);
    const error = await assertRejects(() => status, IpcError);
    assertEquals(error.code, "EBADMSG");
  }
});

Deno.test("WaveControl.close() ends every method", async () => {
  using _dog = watchdog("close");
  await using place = await newPlace();
  using _device = place.create();
  const control = WaveControl.open(place.address);
  const pending = control.status();
  control.close();
  control.close();
  assert(control.closed);
  await assertRejects(() => pending, TypeError, "closed");
  await assertRejects(() => control.start(), TypeError, "closed control");
});
