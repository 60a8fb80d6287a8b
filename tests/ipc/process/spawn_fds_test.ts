import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { EventFd } from "@libc/ipc/eventfd";
import { type ChildFd, spawn } from "@libc/ipc/spawn";
import { unistd } from "@libc/ipc/ffi";
import { pipe } from "@libc/ipc/pipe";
import {
  type FdPlace,
  planDescriptors,
} from "../../../ipc/process/_spawn_plan.ts";
import {
  openFds,
  scaled,
  spawnCommand,
  spawnDeno,
  untilBlocked,
  watchdog,
} from "../../util.ts";
import { lineChild, output } from "./util.ts";

/** The target of one of our descriptors, such as `pipe:[12345]`. */
const link = (fd: number) => Deno.readLinkSync(`/proc/self/fd/${fd}`);

/** The descriptors that a child has, and their targets. */
async function seenBy(
  fds: Record<number, ChildFd>,
): Promise<Record<number, string>> {
  const { 1: one = "inherit", ...others } = fds;
  await using child = spawn("sleep", {
    args: ["1000"],
    fds: { ...others, 1: one },
    killSignal: "SIGKILL",
  });
  await untilBlocked(child.pid, "nanosleep");
  return Object.fromEntries(
    openFds(/^/, child.pid).map((line) => {
      const [fd, ...target] = line.split(" ");
      return [Number(fd), target.join(" ")];
    }),
  );
}

Deno.test("spawn() gives a child its standard descriptors and no others", async () => {
  using ends = pipe();
  // Not close-on-exec, as other libraries may create them.
  const leaky = new Int32Array(2);
  unistd().pipe2(leaky, 0);
  try {
    assertEquals(await seenBy({}), { 0: link(0), 1: link(1), 2: link(2) });
    assertEquals(await seenBy({ 0: "null", 1: "null", 7: ends.reader }), {
      0: "/dev/null",
      1: "/dev/null",
      2: link(2),
      7: link(ends.reader.fd.number),
    });
  } finally {
    for (const fd of leaky) unistd().close(fd);
  }
});

Deno.test("spawn() takes descriptors in every form", async () => {
  using event = EventFd.create();
  using ends = pipe();
  const seen = await seenBy({
    3: event,
    4: event.fd,
    5: event.fd.number,
    6: ends.writer,
    7: 2,
    8: "null",
  });
  assertEquals(seen, {
    0: link(0),
    1: link(1),
    2: link(2),
    3: link(event.fd.number),
    4: link(event.fd.number),
    5: link(event.fd.number),
    6: link(ends.writer.fd.number),
    7: link(2),
    8: "/dev/null",
  });
});

Deno.test("spawn() lets descriptors change places", async () => {
  const pipes = Array.from({ length: 4 }, () => pipe());
  try {
    const all = pipes.flatMap(({ reader, writer }) => [
      reader.fd.number,
      writer.fd.number,
    ]);
    // A shift by one, which is a cycle, and each at its own place.
    const shifted = Object.fromEntries(
      all.map((fd, i) => [fd, all[(i + 1) % all.length] ?? 0]),
    );
    const same = Object.fromEntries(all.map((fd) => [fd, fd]));
    for (const fds of [shifted, same]) {
      const seen = await seenBy(fds);
      assertEquals(
        seen,
        Object.fromEntries(
          [[0, 0], [1, 1], [2, 2], ...Object.entries(fds)]
            .map(([to, from]) => [to, link(Number(from))]),
        ),
      );
    }
    // Standard descriptors too.
    const seen = await seenBy({ 0: 2, 2: 0, 1: all[0] ?? 0 });
    assertEquals(seen, { 0: link(2), 1: link(all[0] ?? 0), 2: link(0) });
  } finally {
    for (const ends of pipes) ends[Symbol.dispose]();
  }
});

/** Simulates what a child does on a table of descriptors. */
function play(
  actions: ReturnType<typeof planDescriptors>,
  open: number[],
): Map<number, FdPlace> {
  const table = new Map<number, FdPlace>(open.map((fd) => [fd, fd]));
  for (const action of actions) {
    switch (action.kind) {
      case "dup2": {
        const source = table.get(action.from);
        if (source === undefined) throw new Error(`${action.from} is closed`);
        table.set(action.to, source);
        break;
      }
      case "close":
        table.delete(action.fd);
        break;
      case "closefrom":
        for (const fd of table.keys()) if (fd >= action.fd) table.delete(fd);
        break;
      case "null":
        table.set(action.fd, "null");
    }
  }
  return table;
}

Deno.test("planDescriptors() ends in exactly what was asked for", () => {
  const pick = (count: number) => Math.floor(Math.random() * count);
  for (let round = 0; round < scaled(5000, 1_000_000); round++) {
    const open = [0, 1, 2, ...Array.from({ length: 12 }, (_, i) => i + 3)]
      .filter((fd) => fd < 3 || Math.random() < 0.7);
    const places = new Map<number, FdPlace>();
    for (let i = pick(10); i > 0; i--) {
      const source = open[pick(open.length)] ?? 0;
      places.set(pick(18), Math.random() < 0.1 ? "null" : source);
    }
    const text = (found: Map<number, FdPlace>) =>
      JSON.stringify([...found].sort(([a], [b]) => a - b));
    const got = text(play(planDescriptors(places), open));
    if (got !== text(places)) assertEquals(got, text(places), `${open}`);
  }
});

Deno.test("spawn() refuses descriptors that are not there", () => {
  using ends = pipe();
  const refused = (fds: Record<number, ChildFd>) => () =>
    spawn("true", { fds });
  const error = assertThrows(refused({ 0: "pipe", 3: 9999 }), IpcError);
  assertEquals(error.code, "EBADF");
  assert(error.message.startsWith("Cannot give descriptor 9999 to a child"));
  assertThrows(refused({ 0: "pipe", 9999: "inherit" }), IpcError, "EBADF");
  for (const fd of [-1, 1.5, 65536]) {
    assertThrows(refused({ [fd]: 0 }), RangeError, "number of a descriptor");
    assertThrows(refused({ 3: -5 }), RangeError, "fds[3]");
  }
  assertThrows(
    refused({ x: 1 } as never),
    RangeError,
    "number of a descriptor",
  );
  assertThrows(refused({ 1: "pipe", 3: "pipe" }), TypeError, "fds[3]");
  assertThrows(refused({ 3: null as never }), TypeError, "got null");
  assertThrows(refused({ 3: {} as never }), TypeError, "got an object");
  assertThrows(refused({ 3: "piped" as never }), TypeError, 'got "piped"');
  ends.reader.close();
  assertThrows(refused({ 0: "pipe", 3: ends.reader }), TypeError, "closed");
});

Deno.test("spawn() can give a high number, and explains one that is too high", async () => {
  assertEquals((await seenBy({ 1000: 2 }))[1000], link(2));
  await using child = spawnDeno(`
    import { spawn } from "@libc/ipc/spawn";
    import { sys_resource } from "@libc/ipc/ffi";
    sys_resource().setrlimit(7, new BigUint64Array([256n, 256n]));
    for (const fd of [2, "null"]) {
      try { spawn("true", { fds: { 1: "pipe", 300: fd } }); } catch (error) { console.log(error.code, error.message); }
    }
    console.log((await spawn("true", { fds: { 255: 2 } }).status).code);`);
  const [one = "", two = "", code] = (await child.end()).stdout.split("\n");
  for (const error of [one, two]) {
    assert(error.startsWith("EBADF Cannot start program"), error);
    assert(error.endsWith("descriptor 300 is not below RLIMIT_NOFILE"), error);
  }
  assertEquals(code, "0");
});

Deno.test("spawn() talks with a child over three pipes", async () => {
  await using child = spawn("sh", {
    args: ["-c", "read line; echo out $line; echo err $line >&2"],
    fds: { 0: "pipe", 1: "pipe", 2: "pipe" },
  });
  child.stdin?.writeSync("hello\n");
  const text = (stream: typeof child.stdout) =>
    new Response(stream?.readable).text();
  assertEquals(await text(child.stdout), "out hello\n");
  assertEquals(await text(child.stderr), "err hello\n");
  assertEquals((await child.status).code, 0);
});

Deno.test("spawn() keeps nothing of a pipe that belongs to the child", async () => {
  await using child = spawn("cat", { fds: { 0: "pipe", 1: "pipe" } });
  // The end of file arrives only if nobody else holds the other ends.
  child.stdin?.close();
  assertEquals(await new Response(child.stdout?.readable).text(), "");
  assertEquals((await child.status).code, 0);
});

Deno.test("spawn() gives a blocking end of a pipe that is non-blocking here", async () => {
  using ends = pipe();
  // Using it here makes it non-blocking from then on.
  assertEquals(ends.reader.tryRead(new Uint8Array(1)), undefined);
  const text = output("cat", { fds: { 0: ends.reader } });
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await ends.writer.write(`${i}`);
  }
  ends.writer.close();
  assertEquals(await text, "012");
});

Deno.test("a child talks through an inherited pipe, and its end is seen", async () => {
  using ends = pipe();
  const child = spawn("sh", {
    args: ["-c", "echo hello >&9"],
    fds: { 9: ends.writer },
  });
  ends.writer.close();
  assertEquals(await new Response(ends.reader.readable).text(), "hello\n");
  assertEquals((await child.status).code, 0);
});

Deno.test("inheritedFd() takes what spawn() gave, once, and nothing else", async () => {
  using event = EventFd.create();
  await using child = lineChild(
    spawn(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-lock",
        `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
        "--allow-all",
        `data:application/typescript,${
          encodeURIComponent(`
        import { EventFd } from "@libc/ipc/eventfd";
        import { inheritedFd, spawn } from "@libc/ipc/spawn";
        const taken = inheritedFd(5);
        using event = EventFd.fromFd(taken, { takeOver: true });
        event.post(41);
        // Its own number is free now, what is there next is nobody's heritage.
        const mine = EventFd.create();
        for (const fd of [event.fd.number, mine.fd.number, 9999, 1]) {
          try { inheritedFd(fd); console.log("taken", fd); }
          catch (error) { console.log(error.name, error.code ?? ""); }
        }
        // Children of other libraries do not get it any more.
        using kept = EventFd.fromFd(event.fd);
        const { stdout } = await new Deno.Command("sh", { args: ["-c", "ls -l /proc/$$/fd | grep -c eventfd"] }).output();
        console.log(new TextDecoder().decode(stdout).trim());`)
        }`,
      ],
      fds: { 1: "pipe", 5: event },
    }),
  );
  assertEquals(await child.lines(), [
    "TypeError ",
    "TypeError ",
    "IpcError EBADF",
    "RangeError ",
    "0",
  ]);
  assertEquals(event.tryReceive(), 41);
});

Deno.test("inheritedFd() refuses a second owner", async () => {
  using event = EventFd.create();
  const text = await output(Deno.execPath(), {
    args: [
      "eval",
      "--quiet",
      "--no-lock",
      `const { inheritedFd } = await import("${
        import.meta.resolve("@libc/ipc/spawn")
      }");
      const first = inheritedFd(3);
      try { inheritedFd(3); } catch (error) { console.log(error.message); }
      first.close();`,
    ],
    fds: { 3: event },
  });
  assertEquals(
    text,
    "Cannot take descriptor 3: it was not inherited, or was taken before\n",
  );
});

Deno.test("spawn() leaks nothing where a descriptor is missing at any step", async () => {
  using _dog = watchdog("spawn() without descriptors");
  const path = new URL("spawn_limits_child.ts", import.meta.url).pathname;
  await using child = spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "--no-check", "--allow-all", path],
  });
  const { stdout, stderr } = await child.end();
  assertEquals(
    stdout,
    '["EMFILE","EMFILE","EMFILE","EMFILE","EMFILE","EMFILE","no pidfd",0,"started",0]\n',
    stderr,
  );
});
