/**
 * Waits on descriptors that other code closes, and whose numbers may then be
 * reused: they end by timeout, abort and `close()`.
 */

import { EventFd } from "@libc/ipc/eventfd";
import { IpcError } from "@libc/ipc/errno";
import { Fd } from "@libc/ipc/fd";
import { F_DUPFD_CLOEXEC, fcntl, unistd } from "@libc/ipc/ffi";
import { INTERNAL } from "../../ipc/core/handle/internal.ts";
import { later } from "../util.ts";

/** What a wait ended with, or the code of its error. */
async function endOf(wait: Promise<number>): Promise<unknown> {
  try {
    return String(await wait);
  } catch (error) {
    return error instanceof IpcError ? error.code : error;
  }
}

/**
 * An eventfd with a number that the kernel assigns to nothing else by chance.
 */
function eventAt(number: number): EventFd {
  using event = EventFd.create();
  const found = fcntl().fcntl_int(event.fd.number, F_DUPFD_CLOEXEC, number);
  if (found !== number) throw new Error(`${number} is in use`);
  return new EventFd(INTERNAL, new Fd(INTERNAL, found, "eventfd"));
}

/** Closes an eventfd that may already be closed. */
function close(event: EventFd | undefined): void {
  try {
    event?.close();
  } catch (error) {
    if (!(error instanceof IpcError && error.code === "EBADF")) throw error;
  }
}

function check(found: unknown, expected?: string): void {
  if (
    found !== expected && found !== "EBADF" && found !== "ENOENT" &&
    !(found instanceof TypeError)
  ) throw found;
}

async function tryOne(
  number: number,
  recycled: boolean,
  shared: boolean,
): Promise<void> {
  const event = eventAt(number);
  // A duplicate keeps waking the reactor; without one nothing does.
  using copy = shared ? EventFd.fromFd(event.fd) : undefined;
  using bystander = EventFd.create();
  const controller = new AbortController();
  const timedOut = endOf(event.receive({ timeout: 20 }));
  const aborted = endOf(event.receive({ signal: controller.signal }));
  const closed = endOf(event.receive());
  const other = bystander.receive();
  await later(5);
  unistd().close(number);
  const next = recycled ? eventAt(number) : undefined;
  const stranger = next?.receive().catch((error) => error);
  copy?.post();
  await later(5);
  bystander.post(7);
  if (await other !== 7) throw new Error("somebody else's wait");
  check(await timedOut, "ETIMEDOUT");
  controller.abort("aborted");
  check(await aborted, "aborted");
  close(event);
  check(await closed);
  const error = await endOf(bystander.receive({ timeout: 1 }));
  if (error !== "ETIMEDOUT") throw error;
  // The close() above may have closed its number.
  close(next);
  await stranger;
}

let number = 500;
for (const recycled of [false, true]) {
  for (const shared of [false, true]) {
    await tryOne(++number, recycled, shared);
  }
}
console.log("over");
