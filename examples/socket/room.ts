import { IpcError } from "@libc/ipc/errno";
import { Socket } from "@libc/ipc/socket";
import { lines, PATH } from "./lines.ts";

/** How long sending a line to a guest may take, in milliseconds. */
const PATIENCE = 1000;

const guests = new Set<Socket>();

async function tell(guest: Socket, line: string): Promise<void> {
  try {
    await guest.send(`${line}\n`, { timeout: PATIENCE });
  } catch (error) {
    // The guest is gone or does not read; it must not delay the others.
    if (!(error instanceof IpcError || error instanceof TypeError)) throw error;
    guest.close();
  }
}

async function tellOthers(self: Socket, line: string): Promise<void> {
  console.log(line);
  const others = [...guests].filter((guest) => guest !== self);
  await Promise.all(others.map((guest) => tell(guest, line)));
}

async function welcome(guest: Socket): Promise<void> {
  using _guest = guest;
  // The kernel provides these credentials, so they cannot be forged.
  const { pid, uid } = guest.peerCredentials();
  const name = `guest ${pid} of user ${uid}`;
  guests.add(guest);
  await tellOthers(guest, `${name} comes`);
  try {
    for await (const line of lines(guest)) {
      await tellOthers(guest, `${name}: ${line}`);
    }
  } catch (error) {
    if (!(error instanceof IpcError || error instanceof TypeError)) throw error;
  }
  guests.delete(guest);
  await tellOthers(guest, `${name} goes`);
}

function open(): Socket {
  try {
    // A room that was killed has left a stale socket file.
    return Socket.listen(PATH, { replaceStale: true });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}

// The socket file is removed at the end of this scope.
using room = open();
Deno.addSignalListener("SIGINT", () => room.close());
Deno.addSignalListener("SIGTERM", () => room.close());
console.log(`open at ${PATH}`);

const visits: Promise<void>[] = [];
for await (const guest of room.connections()) visits.push(welcome(guest));

for (const guest of guests) guest.close();
await Promise.all(visits);
console.log("closed");
