import { EventFd } from "@libc/ipc/eventfd";
import { inheritedFd } from "@libc/ipc/spawn";

// The supervisor passes only this descriptor and the three standard ones.
using beat = EventFd.fromFd(inheritedFd(3), { takeOver: true });

const beats = Number(Deno.args[0] ?? 100);
for (let i = 0; i < beats; i++) {
  beat.post();
  await new Promise((resolve) => setTimeout(resolve, 100));
}
