import { Memfd } from "@libc/ipc/memfd";
import { Letter } from "./letter.ts";

/** How long to wait for a guest, in milliseconds. */
const PATIENCE = 60_000;

// Nobody can change its size from here on.
using memory = Memfd.create("letter", { size: Letter.size });
using mapping = memory.map();
const letter = mapping.view(Letter);
const answered = Letter.atomic(mapping, "answered");

letter.question = "how is the weather?";
console.log(`waiting for: guest.ts ${Deno.pid} ${memory.fd.number}`);

const end = performance.now() + PATIENCE;
while (answered.load() === 0 && performance.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log(
  answered.load() === 1
    ? `the guest says: ${letter.answer}, from process ${letter.pid}`
    : "nobody came",
);
