import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { NAME, PLACES } from "./places.ts";

/** Seconds that the garage is open. */
const seconds = Number(Deno.args[0] ?? 20);

// The end of the scope removes the semaphore.
using places = PosixSemaphore.create(NAME, { value: PLACES });
console.log(`open as ${NAME}, with ${places.value()} places`);

const closing = Promise.withResolvers<void>();
Deno.addSignalListener("SIGINT", closing.resolve);
Deno.addSignalListener("SIGTERM", closing.resolve);
const evening = setTimeout(closing.resolve, seconds * 1000);

let shown = PLACES;
const show = () => {
  const free = places.value();
  if (free !== shown) console.log(`free places: ${free}`);
  shown = free;
};
const watching = setInterval(show, 20);
await closing.promise;
clearInterval(watching);
clearTimeout(evening);
console.log(`closed, free places: ${places.value()}`);
