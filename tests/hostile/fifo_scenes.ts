/** FIFOs among strangers. */

import { Fifo } from "@libc/ipc";
import { becomeNobody, becomeRoot } from "../conformance/privileges.ts";
import { type Outcomes, outcomes, type Scene } from "./stage.ts";

/** A folder for everybody, sticky as `/tmp` is. */
function sticky(stack: DisposableStack): string {
  const path = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  stack.defer(() => Deno.removeSync(path, { recursive: true }));
  Deno.chmodSync(path, 0o1777);
  return path;
}

/** `nobody` at a FIFO of root, in a sticky folder. */
async function strangerAtFifo(mode: string): Promise<Outcomes> {
  using stack = new DisposableStack();
  const folder = sticky(stack);
  const path = `${folder}/f`;
  const options = { mode: Number.parseInt(mode, 8), ignoreUmask: true };
  const fifo = stack.use(Fifo.create(path, options));
  stack.defer(becomeRoot);
  const { inode } = fifo.stat();
  becomeNobody();
  using found = Fifo.open(path);
  const tried = await outcomes({
    "create": () => Fifo.create(path),
    "openOrCreate": () => Fifo.openOrCreate(path).created,
    "whose it is": () => found.stat().uid,
    "openReader": () => found.openReader(),
    "openWriter": () => found.openWriter({ timeout: 1 }),
    "openWriterSync": () => found.openWriterSync({ timeout: 1 }),
    "tryOpenWriter": () => found.tryOpenWriter(),
    "openReadWrite": () => found.openReadWrite(),
    "remove": () => found.remove(),
  });
  return { ...tried, "still there": String(fifo.stat().inode === inode) };
}

/** Root at a FIFO that `nobody` has put into a sticky folder. */
async function plantedFifo(): Promise<Outcomes> {
  using stack = new DisposableStack();
  const path = `${sticky(stack)}/f`;
  becomeNobody();
  using _planted = Fifo.create(path, { mode: 0o666, ignoreUmask: true });
  becomeRoot();
  using fifo = Fifo.openOrCreate(path, { owner: true });
  // Where `fs.protected_fifos` is set, O_CREAT would be EACCES.
  return await outcomes({
    "whose it is": () => `${fifo.created} ${fifo.stat().uid}`,
    "openReader": () => void stack.use(fifo.openReader()),
    "tryOpenWriter": () => fifo.tryOpenWriter(),
    "openReadWrite": () => fifo.openReadWrite(),
  });
}

export const fifoScenes: Record<string, Scene> = {
  "stranger at a FIFO": strangerAtFifo,
  "planted FIFO": plantedFifo,
};
