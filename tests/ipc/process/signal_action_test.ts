import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import {
  disposition,
  ignore,
  kill,
  onSignal,
  restoreDefault,
} from "@libc/ipc/signal";
import { later, spawnDeno } from "../../util.ts";

Deno.test("disposition() tells default, ignored and handled signals apart", () => {
  assertEquals(disposition("SIGPIPE"), "ignore");
  assertEquals(disposition("SIGRTMIN+3"), "default");
  assertEquals(disposition("SIGSEGV"), "handler");
  {
    using _listener = onSignal("SIGWINCH");
    assertEquals(disposition("SIGWINCH"), "handler");
  }
  const error = assertThrows(() => disposition(32), IpcError, "SIG32");
  assertEquals([error.code, error.syscall], ["EINVAL", "sigaction"]);
});

Deno.test("ignore() makes a signal harmless until it is disposed of", async () => {
  await using child = spawnDeno(`
    import { disposition, ignore, kill } from "@libc/ipc/signal";
    {
      using ignored = ignore("SIGALRM");
      kill(Deno.pid, "SIGALRM");
      console.log(disposition("SIGALRM"));
      ignored[Symbol.dispose]();
      ignored[Symbol.dispose]();
    }
    console.log(disposition("SIGALRM"));
    kill(Deno.pid, "SIGALRM");
    setTimeout(() => console.log("not reached"), 60000);`);
  const { signal, stdout } = await child.end();
  assertEquals([signal, stdout], ["SIGALRM", "ignore\ndefault\n"]);
});

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  Deno.test(`ignore() lasts for ${signal}, which Deno handles a while after its start`, async () => {
    await using child = spawnDeno(`
      import { disposition, ignore, kill } from "@libc/ipc/signal";
      const ignored = ignore("${signal}");
      // The last that Deno installs; later versions may leave that.
      for (let i = 0; i < 100 && disposition("SIGUSR1") !== "handler"; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      kill(Deno.pid, "${signal}");
      console.log(disposition("${signal}"));
      ignored[Symbol.dispose]();
      kill(Deno.pid, "${signal}");
      setTimeout(() => console.log("not reached"), 60000);`);
    const ended = await child.end();
    assertEquals([ended.signal, ended.stdout], [signal, "ignore\n"]);
  });
}

Deno.test("ignore() silences a listener and gives it back its signal", async () => {
  using listener = onSignal("SIGURG");
  const ignored = ignore("SIGURG");
  kill(Deno.pid, "SIGURG");
  await assertRejects(
    () => listener.receive({ timeout: 50 }),
    IpcError,
    "ETIMEDOUT",
  );
  ignored[Symbol.dispose]();
  kill(Deno.pid, "SIGURG");
  assertEquals(await listener.receive(), "SIGURG");
});

Deno.test("onSignal() refuses a signal that is ignored, and leaves it so", async () => {
  await using child = spawnDeno(`
    import { disposition, ignore, kill, onSignal } from "@libc/ipc/signal";
    const say = (signal) => {
      try {
        onSignal(["SIGUSR2", signal]);
      } catch (error) {
        console.log(error.name, disposition(signal));
      }
    };
    {
      // Nobody has listened to it before.
      using outer = ignore("SIGALRM");
      { using inner = ignore("SIGALRM"); }
      say("SIGALRM");
      kill(Deno.pid, "SIGALRM");
    }
    using listener = onSignal("SIGALRM");
    kill(Deno.pid, "SIGALRM");
    console.log(await listener.receive());`);
  assertEquals(await child.end(), {
    code: 0,
    signal: null,
    stdout: "TypeError ignore\nSIGALRM\n",
    stderr: "",
  });
});

Deno.test("ignore() and restoreDefault() say what cannot be changed", () => {
  for (const change of [ignore, restoreDefault]) {
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      const error = assertThrows(() => change(signal), IpcError, signal);
      assertEquals([error.code, error.syscall], ["EINVAL", "sigaction"]);
      assertEquals(error.message.includes("nobody can change"), true);
    }
    assertThrows(() => change(33), IpcError, "the C library keeps it");
    for (
      const signal of ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", 5] as const
    ) {
      assertThrows(() => change(signal), TypeError, "could not go on");
    }
  }
});

Deno.test("ignore() refuses SIGCHLD, without which no child could be waited for", () => {
  assertThrows(() => ignore("SIGCHLD"), TypeError, "SIGCHLD");
  assertEquals(disposition("SIGCHLD") === "ignore", false);
});

Deno.test("restoreDefault() refuses SIGPIPE, which would end the process", () => {
  assertThrows(() => restoreDefault("SIGPIPE"), TypeError, "SIGPIPE");
  assertEquals(disposition("SIGPIPE"), "ignore");
});

Deno.test("restoreDefault() gives a signal its default action in spite of listeners", async () => {
  await using child = spawnDeno(`
    import { kill, onSignal, restoreDefault } from "@libc/ipc/signal";
    const listener = onSignal("SIGTERM");
    {
      using _default = restoreDefault("SIGTERM");
    }
    kill(Deno.pid, "SIGTERM");
    console.log(await listener.receive());
    restoreDefault("SIGTERM");
    kill(Deno.pid, "SIGTERM");
    await listener.receive();
    console.log("not reached");`);
  const { signal, stdout } = await child.end();
  assertEquals([signal, stdout], ["SIGTERM", "SIGTERM\n"]);
});

Deno.test("onSignal() receives what another process sends", async () => {
  using listener = onSignal(["SIGUSR2", "SIGHUP"]);
  assertEquals(listener.signals, ["SIGUSR2", "SIGHUP"]);
  const code = `kill -HUP ${Deno.pid}`;
  const sender = new Deno.Command("sh", { args: ["-c", code] }).spawn();
  assertEquals(await listener.receive(), "SIGHUP");
  await sender.status;
  assertEquals(listener.tryReceive(), undefined);
});

Deno.test("onSignal() counts a signal once that comes again before it is taken", async () => {
  using listener = onSignal("SIGUSR2");
  // The witness receives the signal after the other listener.
  using witness = onSignal("SIGUSR2");
  for (let i = 0; i < 3; i++) {
    kill(Deno.pid, "SIGUSR2");
    await witness.receive();
  }
  const taken = [listener.tryReceive(), listener.tryReceive()];
  assertEquals(taken, ["SIGUSR2", undefined]);
});

Deno.test("onSignal() gives each signal to one of those who wait", async () => {
  using listener = onSignal("SIGUSR2");
  const waits = [listener.receive(), listener.receive()];
  kill(Deno.pid, "SIGUSR2");
  assertEquals(await Promise.race(waits), "SIGUSR2");
  kill(Deno.pid, "SIGUSR2");
  assertEquals(await Promise.all(waits), ["SIGUSR2", "SIGUSR2"]);
});

Deno.test("onSignal() waits with a timeout or an AbortSignal", async () => {
  using listener = onSignal("SIGUSR2");
  const error = await assertRejects(
    () => listener.receive({ timeout: 10 }),
    IpcError,
    "Cannot receive from listener for SIGUSR2: Deno.addSignalListener timed out",
  );
  assertEquals(error.code, "ETIMEDOUT");
  const controller = new AbortController();
  const wait = listener.receive({ signal: controller.signal });
  controller.abort("enough");
  assertEquals(await wait.catch((reason) => reason), "enough");
  kill(Deno.pid, "SIGUSR2");
  assertEquals(await listener.receive(), "SIGUSR2");
});

Deno.test("onSignal() ends its loops when it is closed", async () => {
  const listener = onSignal("SIGUSR2");
  const loop = (async () => {
    const taken = [];
    for await (const name of listener) taken.push(name);
    return taken;
  })();
  await later(5);
  listener.close();
  assertEquals(await loop, []);
});

Deno.test("onSignal() goes on after a loop that was left", async () => {
  using listener = onSignal("SIGUSR2");
  for (let i = 0; i < 3; i++) {
    kill(Deno.pid, "SIGUSR2");
    for await (const name of listener) {
      assertEquals(name, "SIGUSR2");
      break;
    }
  }
});

Deno.test("onSignal() refuses what Deno cannot hear", () => {
  for (const signal of ["SIGKILL", "SIGSTOP", "SIGSEGV", "SIGFPE"] as const) {
    assertThrows(() => onSignal(signal), TypeError, `listen to ${signal}`);
  }
  assertThrows(
    () => onSignal("SIGRTMIN+1"),
    TypeError,
    "Cannot listen to SIGRTMIN+1: Deno knows no real-time signals; use SignalQueue",
  );
  assertThrows(() => onSignal("SIGPIPE"), TypeError, "SIGPIPE");
  // The first signal is released when the second is refused.
  assertThrows(() => onSignal(["SIGUSR2", "SIGKILL"]), TypeError);
});

Deno.test("onSignal() refuses a signal that it could not hear", () => {
  {
    using _heardOnce = onSignal("SIGIO");
  }
  using _ignored = ignore("SIGIO");
  assertThrows(() => onSignal("SIGIO"), TypeError, "ignore()");
});

Deno.test("a process waits for its signal, but does not live on for a listener", async () => {
  await using waiting = spawnDeno(`
    import { onSignal } from "@libc/ipc/signal";
    using listener = onSignal("SIGUSR2");
    console.log("ready");
    console.log(await listener.receive());`);
  assertEquals(await waiting.line(), "ready");
  waiting.kill("SIGUSR2");
  const { code, stdout } = await waiting.end();
  assertEquals([code, stdout], [0, "SIGUSR2\n"]);

  await using listening = spawnDeno(`
    import { onSignal } from "@libc/ipc/signal";
    const listener = onSignal("SIGUSR2");
    listener.receive({ unref: true });
    console.log("ready");`);
  const ended = await listening.end();
  assertEquals([ended.code, ended.stdout], [0, "ready\n"]);
});

Deno.test("a signal whose last listener is closed has its default action", async () => {
  await using child = spawnDeno(`
    import { kill, onSignal } from "@libc/ipc/signal";
    {
      using _listener = onSignal("SIGUSR2");
    }
    kill(Deno.pid, "SIGUSR2");
    setTimeout(() => console.log("not reached"), 60000);`);
  const { signal, stdout } = await child.end();
  assertEquals([signal, stdout], ["SIGUSR2", ""]);
});
