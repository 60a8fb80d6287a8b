// Processes, their descriptors, files and semaphores, and another user.

import { assertEquals } from "@std/assert";
import { mapFile, Memfd, pipe, PosixSemaphore, Socket } from "@libc/ipc";
import { folder } from "../ipc/socket/util.ts";
import {
  EMULATED,
  notEmulated,
  openedSince,
  openFds,
  spawnDeno,
  uniqueName,
} from "../util.ts";
import { outcomes, play, withStranger } from "./stage.ts";

const FORBIDDEN = "spawn() explains what another user's mode forbids";

Deno.test({
  ...withStranger("a process of another user can be waited for, and no more"),
  async fn() {
    using memory = Memfd.create("private", { size: 1 });
    using ends = pipe();
    const found = await play(
      "stranger at a process",
      String(Deno.pid),
      ...[memory.fd, ends.reader.fd, ends.writer.fd].map(({ number }) =>
        String(number)
      ),
    );
    assertEquals(found, {
      "Pidfd.open": "done",
      "exited": "false",
      "wait": "ETIMEDOUT",
      "send 0": "EPERM",
      "send": "EPERM",
      "send with a value": "EPERM",
      "getFd": "EPERM",
      "kill 0": "EPERM",
      "kill": "EPERM",
      "sigqueue": "EPERM",
      "Memfd.open": "EACCES",
      "Memfd.open to read": "EACCES",
      "mapFile": "EACCES",
      "open of /proc/PID/fd": "PermissionDenied,PermissionDenied",
    });
    ends.writer.writeSync("x");
    assertEquals(ends.reader.readSync(new Uint8Array(9)), 1);
  },
});

Deno.test({
  ...withStranger(FORBIDDEN),
  ...(EMULATED ? notEmulated(FORBIDDEN, "starts programs as root") : {}),
  async fn() {
    assertEquals(await play("stranger who starts"), {
      "a program of root": "EACCES",
      "in a folder of root": "EACCES",
      "from a folder of root": "EACCES",
    });
  },
});

Deno.test({
  ...withStranger("mapFile() of the files of another user obeys their modes"),
  async fn() {
    assertEquals(await play("stranger at a file"), {
      "of mode 0600": "EACCES",
      "of mode 0600 to read": "EACCES",
      "by a link": "EACCES",
      "of mode 0644": "EACCES",
      "of mode 0644 to read": "done",
      "of mode 0644 for itself": "done",
      "to be made longer": "EACCES",
      "to be made": "EACCES",
      "that is there": "EEXIST",
      "after": "precious",
    });
  },
});

for (
  const [mode, allowed] of [
    ["600", {}],
    ["644", { read: "done" }],
    // A user who may use it may also break it.
    ["666", {
      open: "done",
      openOrCreate: "done",
      truncate: "done",
      write: "done",
      read: "done",
      acquired: "false",
    }],
  ] as const
) {
  Deno.test({
    ...withStranger(`a PosixSemaphore of mode 0${mode} and another user`),
    async fn() {
      assertEquals(await play("stranger at a semaphore", mode), {
        open: "EACCES",
        openOrCreate: "EACCES",
        create: "EEXIST",
        truncate: "PermissionDenied",
        write: "PermissionDenied",
        read: "PermissionDenied",
        acquired: "true",
        ...allowed,
      });
    },
  });
}

for (const when of ["before", "after"] as const) {
  Deno.test({
    ...notEmulated(
      `PosixSemaphore whose file is made shorter ${when} it is opened`,
      "has signals of its own",
    ),
    async fn() {
      using semaphore = PosixSemaphore.create(`/${uniqueName()}`, { value: 1 });
      const name = semaphore.name ?? "";
      const shorten = () => Deno.truncateSync(`/dev/shm/sem.${name.slice(1)}`);
      if (when === "before") shorten();
      await using child = spawnDeno(`
        import { PosixSemaphore } from "@libc/ipc/posix-sem";
        try {
          using semaphore = PosixSemaphore.open(${JSON.stringify(name)});
          console.log("open");
          await Deno.stdin.read(new Uint8Array(1));
          console.log(semaphore.tryAcquire());
        } catch (error) {
          console.log(error.code);
        }`);
      if (when === "before") {
        assertEquals(await child.line(), "EBADMSG");
        return;
      }
      assertEquals(await child.line(), "open");
      shorten();
      await child.write("go");
      // The option `foreign` warns of this: only the owner of a file can do it.
      const { signal, stdout } = await child.end();
      assertEquals([signal, stdout], ["SIGBUS", ""]);
    },
  });
}

Deno.test("mapFile() and Memfd refuse what only looks like memory", async () => {
  using dir = folder();
  const path = (name: string) => `${dir.path}/${name}`;
  using _socket = Socket.listen(path("socket"));
  Deno.symlinkSync("nowhere", path("dangling"));
  Deno.symlinkSync("loop", path("loop"));
  Deno.symlinkSync("socket", path("link"));
  using ends = pipe();
  using both = Socket.open("unix");
  const before = openFds();
  const found = await outcomes({
    "a socket": () => mapFile(path("socket")),
    "a socket to read": () => mapFile(path("socket"), { readOnly: true }),
    "a socket to make": () =>
      mapFile(path("socket"), { create: true, size: 1 }),
    "a link to a socket": () => mapFile(path("link")),
    "a link to nothing": () => mapFile(path("dangling")),
    "a link to make anew": () =>
      mapFile(path("dangling"), { createNew: true, size: 1 }),
    "a loop": () => mapFile(path("loop")),
    "a loop to make": () => mapFile(path("loop"), { create: true, size: 1 }),
    "a pipe": () => Memfd.fromFd(ends.reader.fd),
    "a pipe by /proc": () =>
      Memfd.open({ pid: Deno.pid, fd: ends.writer.fd.number }),
    "an open socket": () => Memfd.fromFd(both.fd),
    "a socket by /proc": () =>
      Memfd.open({ pid: Deno.pid, fd: both.fd.number }),
    "the descriptor of a pipe": () => mapFile(ends.reader.fd),
    "the descriptor of a socket": () => mapFile(both.fd, { size: 1 }),
  });
  assertEquals(found, {
    "a socket": "ENXIO",
    "a socket to read": "ENXIO",
    "a socket to make": "ENXIO",
    "a link to a socket": "ENXIO",
    "a link to nothing": "ENOENT",
    "a link to make anew": "EEXIST",
    "a loop": "ELOOP",
    "a loop to make": "ELOOP",
    "a pipe": "ENODEV",
    "a pipe by /proc": "ENODEV",
    "an open socket": "ENODEV",
    "a socket by /proc": "ENXIO",
    "the descriptor of a pipe": "ENODEV",
    "the descriptor of a socket": "ENODEV",
  });
  assertEquals(openedSince(before), []);
});
