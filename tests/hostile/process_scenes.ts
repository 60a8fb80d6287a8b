/** Processes, their descriptors and their memory among strangers. */

import {
  kill,
  mapFile,
  Memfd,
  Pidfd,
  PosixSemaphore,
  sigqueue,
  spawn,
} from "@libc/ipc";
import { becomeNobody, becomeRoot } from "../conformance/privileges.ts";
import { type Outcomes, outcomes, type Scene } from "./stage.ts";

/** `nobody` at a process of root and at some of its descriptors. */
async function strangerAtProcess(
  processId: string,
  ...numbers: string[]
): Promise<Outcomes> {
  const pid = Number(processId);
  const [memory = -1, ...others] = numbers.map(Number);
  becomeNobody();
  using process = Pidfd.open(pid);
  const found = await outcomes({
    "Pidfd.open": () => Pidfd.open(pid),
    "exited": () => process.exited,
    "wait": () => process.wait({ timeout: 1 }),
    "send 0": () => process.send(0),
    "send": () => process.send("SIGWINCH"),
    "send with a value": () => process.send("SIGWINCH", { value: 1 }),
    "getFd": () => process.getFd(0),
    "kill 0": () => kill(pid, 0),
    "kill": () => kill(pid, "SIGWINCH"),
    "sigqueue": () => sigqueue(pid, "SIGWINCH", { value: 1 }),
    "Memfd.open": () => Memfd.open({ pid, fd: memory }),
    "Memfd.open to read": () =>
      Memfd.open({ pid, fd: memory }, { readOnly: true }),
    "mapFile": () => mapFile(`/proc/${pid}/fd/${memory}`, { readOnly: true }),
  });
  const reopen = (fd: number) => {
    try {
      Deno.openSync(`/proc/${pid}/fd/${fd}`).close();
      return "opened";
    } catch (error) {
      return (error as Error).name;
    }
  };
  found["open of /proc/PID/fd"] = others.map(reopen).join();
  becomeRoot();
  return found;
}

/** `nobody` starts what is not for everybody. */
async function strangerStarts(): Promise<Outcomes> {
  using stack = new DisposableStack();
  const folder = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  stack.defer(becomeRoot);
  Deno.mkdirSync(`${folder}/closed`, { mode: 0o700 });
  Deno.chmodSync(folder, 0o755);
  Deno.writeTextFileSync(`${folder}/program`, "#!/bin/sh\n", { mode: 0o700 });
  becomeNobody();
  return await outcomes({
    "a program of root": () => spawn(`${folder}/program`),
    "in a folder of root": () => spawn("true", { cwd: `${folder}/closed` }),
    "from a folder of root": () => spawn(`${folder}/closed/program`),
  });
}

/** `nobody` at files that root maps. */
async function strangerAtFile(): Promise<Outcomes> {
  using stack = new DisposableStack();
  const folder = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  stack.defer(becomeRoot);
  Deno.chmodSync(folder, 0o755);
  stack.use(mapFile(`${folder}/closed`, { create: true, size: 10 }));
  Deno.writeTextFileSync(`${folder}/open`, "precious");
  Deno.chmodSync(`${folder}/open`, 0o644);
  Deno.symlinkSync("closed", `${folder}/link`);
  becomeNobody();
  const found = await outcomes({
    "of mode 0600": () => mapFile(`${folder}/closed`),
    "of mode 0600 to read": () =>
      mapFile(`${folder}/closed`, { readOnly: true }),
    "by a link": () => mapFile(`${folder}/link`, { readOnly: true }),
    "of mode 0644": () => mapFile(`${folder}/open`),
    "of mode 0644 to read": () => mapFile(`${folder}/open`, { readOnly: true }),
    "of mode 0644 for itself": () =>
      mapFile(`${folder}/open`, { private: true }),
    "to be made longer": () =>
      mapFile(`${folder}/open`, { readOnly: true, size: 100 }),
    "to be made": () => mapFile(`${folder}/new`, { create: true, size: 1 }),
    "that is there": () =>
      mapFile(`${folder}/open`, { createNew: true, size: 1 }),
  });
  becomeRoot();
  return { ...found, after: Deno.readTextFileSync(`${folder}/open`) };
}

/** `nobody` at the file of a semaphore of root. */
async function strangerAtSemaphore(mode: string): Promise<Outcomes> {
  using semaphore = PosixSemaphore.create(null, {
    value: 1,
    mode: Number.parseInt(mode, 8),
    ignoreUmask: true,
  });
  const name = semaphore.name ?? "";
  const path = `/dev/shm/sem.${name.slice(1)}`;
  const denied = (attempt: () => void) => () => {
    try {
      attempt();
      return "done";
    } catch (error) {
      return (error as Error).name;
    }
  };
  becomeNobody();
  const found = await outcomes({
    "open": () => PosixSemaphore.open(name),
    "openOrCreate": () => PosixSemaphore.openOrCreate(name),
    "create": () => PosixSemaphore.create(name),
    "truncate": denied(() => Deno.truncateSync(path, 32)),
    "write": denied(() => Deno.writeFileSync(path, new Uint8Array(32))),
    "read": denied(() => Deno.readFileSync(path)),
  });
  becomeRoot();
  return { ...found, acquired: String(semaphore.tryAcquire()) };
}

export const processScenes: Record<string, Scene> = {
  "stranger at a process": strangerAtProcess,
  "stranger who starts": strangerStarts,
  "stranger at a file": strangerAtFile,
  "stranger at a semaphore": strangerAtSemaphore,
};
