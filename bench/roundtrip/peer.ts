/**
 * The peer process: echoes, or as a sink sends one message after each long
 * transfer, until the end.
 */

import { CHUNK, CHUNKS, SIZE } from "./size.ts";
import { ways } from "./ways.ts";

const [name = "", place = "", role = "echo"] = Deno.args;
const way = ways.find((one) => one.name === name);
if (way === undefined) throw new TypeError(`no such way: ${name}`);
await using end = await way.join(place);
const message = new Uint8Array(SIZE);
const chunk = new Uint8Array(CHUNK);

async function take(): Promise<boolean> {
  if (role === "echo") return await end.receive(message);
  for (let i = 0; i < CHUNKS; i++) {
    if (!await end.receive(chunk)) return false;
  }
  return true;
}

while (await take()) await end.send(message);
