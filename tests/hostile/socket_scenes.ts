/** Sockets among strangers. */

import { Socket, type SocketType } from "@libc/ipc";
import { becomeNobody, becomeRoot } from "../conformance/privileges.ts";
import { type Outcomes, outcomes, type Scene } from "./stage.ts";

/** `nobody` at the sockets of root in a sticky folder. */
async function strangerAtSockets(): Promise<Outcomes> {
  using stack = new DisposableStack();
  const folder = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  Deno.chmodSync(folder, 0o1777);
  const path = (name: string) => `${folder}/${name}`;
  stack.use(Socket.listen(path("listening")));
  stack.use(Socket.listen(path("packets"), { type: "seqpacket" }));
  stack.use(Socket.open("unix", "datagram")).bind(path("datagrams"));
  Socket.listen(path("stale")).close();
  const options = { mode: 0o666, ignoreUmask: true };
  stack.use(Socket.open("unix", "datagram")).bind(path("public"), options);
  Deno.symlinkSync("stale", path("link"));
  stack.defer(becomeRoot);
  becomeNobody();
  const bind = (name: string, type: SocketType = "stream") => () => {
    using socket = Socket.open("unix", type);
    socket.bind(path(name), { replaceStale: true });
  };
  const sender = stack.use(Socket.open("unix", "datagram"));
  return await outcomes({
    "connect": () => Socket.connect(path("listening")),
    "connect to packets": () =>
      Socket.connect(path("packets"), { type: "seqpacket" }),
    "connect to a stale one": () => Socket.connect(path("stale")),
    "connect by a link": () => Socket.connect(path("link")),
    "sendTo": () => sender.sendTo("x", path("datagrams")),
    "sendTo what is public": async () =>
      void await sender.sendTo("x", path("public")),
    "bind over a live one": bind("listening"),
    "bind over datagrams": bind("datagrams", "datagram"),
    "bind over a stale one": bind("stale"),
    "bind over a link": bind("link"),
    "listen over a live one": () =>
      Socket.listen(path("listening"), { replaceStale: true }),
    "what is there": () =>
      Array.from(Deno.readDirSync(folder), ({ name }) => name).sort().join(),
  });
}

/** Root at the sockets that `nobody` has put into a sticky folder. */
async function plantedSockets(): Promise<Outcomes> {
  using stack = new DisposableStack();
  const folder = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  Deno.chmodSync(folder, 0o1777);
  const path = (name: string) => `${folder}/${name}`;
  becomeNobody();
  const planted = stack.use(Socket.listen(path("live")));
  Socket.listen(path("stale")).close();
  becomeRoot();
  return await outcomes({
    "who listens": async () => {
      using client = await Socket.connect(path("live"));
      using _server = planted.acceptSync();
      return client.peerCredentials().uid;
    },
    "listen over a live one": () =>
      Socket.listen(path("live"), { replaceStale: true }),
    "listen over a stale one": () => Socket.listen(path("stale")),
    "in its place, when told to": () =>
      Socket.listen(path("stale"), { replaceStale: true }),
  });
}

export const socketScenes: Record<string, Scene> = {
  "stranger at sockets": strangerAtSockets,
  "planted sockets": plantedSockets,
};
