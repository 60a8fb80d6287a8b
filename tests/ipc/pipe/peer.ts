/** Child processes that get an end of a pipe as descriptor 3. */

import { type FdEnd, PipeReader, PipeWriter } from "@libc/ipc";
import { fcntl } from "@libc/ipc/ffi";
import { denoArgs } from "../../child.ts";

/** `F_SETFD`, without `FD_CLOEXEC`: children started now inherit it. */
function inherited<T>(ends: FdEnd[], start: (fds: number[]) => T): T {
  using stack = new DisposableStack();
  const fds = ends.map((end) => stack.use(end.inheritable()));
  for (const fd of fds) fcntl().fcntl_int(fd.number, 2, 0);
  return start(fds.map((fd) => fd.number));
}

/**
 * Starts a program whose arguments end with the numbers of the descriptors that
 * it inherits. The ends here stay open: close those that are not wanted.
 */
export function startCommand(
  command: string,
  args: string[],
  ...ends: FdEnd[]
): Deno.ChildProcess {
  return inherited(ends, (fds) =>
    new Deno.Command(command, {
      args: [...args, ...fds.map(String)],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn());
}

/** Starts a TypeScript program, as {@linkcode startCommand}. */
export function startPeer(code: string, ...ends: FdEnd[]): Deno.ChildProcess {
  const args = denoArgs(code, "--allow-all");
  return startCommand(Deno.execPath(), args, ...ends);
}

/** The reading end that a peer has inherited. */
export function open(fd: number): PipeReader {
  return PipeReader.fromFd(fd, { takeOver: true });
}

/** The writing end that a peer has inherited. */
export function openWriter(fd: number): PipeWriter {
  return PipeWriter.fromFd(fd, { takeOver: true });
}
