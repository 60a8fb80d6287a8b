/** The other process: sends back whatever comes, until the end. */

import { SIZE } from "./size.ts";
import { ways } from "./ways.ts";

const [name = "", place = ""] = Deno.args;
const way = ways.find((one) => one.name === name);
if (way === undefined) throw new TypeError(`no such way: ${name}`);
await using end = await way.join(place);
const buffer = new Uint8Array(SIZE);
while (await end.receive(buffer)) await end.send(buffer);
