import { EventFd } from "@libc/ipc/eventfd";
import { inheritedFd } from "@libc/ipc/spawn";

using tickets = EventFd.fromFd(inheritedFd(3), { takeOver: true });
using done = EventFd.fromFd(inheritedFd(4), { takeOver: true });

for await (const _ of tickets) {
  // Simulated work.
  await new Promise((resolve) => setTimeout(resolve, 50 * Math.random()));
  done.post();
}
