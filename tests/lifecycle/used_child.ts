/**
 * Uses closed handles of the given classes in any order, and prints those that
 * the process survived.
 */

import { handles } from "./handles.ts";

/** The views of a mapping, which remain after its end. */
function viewsOf(handle: object): Uint8Array[] {
  return ["buffer", "bytes", "unsafeBytes"].filter((key) => key in handle)
    .map((key) => {
      const value = Reflect.get(handle, key);
      return new Uint8Array(value.buffer ?? value);
    });
}

for (const name of Deno.args) {
  const one = handles[name];
  if (one === undefined) throw new Error(`there is no ${name}`);
  for (let round = 0; round < 20; round++) {
    const handle = await one.make();
    await one.use(handle);
    const kept = viewsOf(handle);
    if (round % 2) handle.close();
    else handle[Symbol.dispose]();
    for (const view of kept) {
      view[0] = 1;
      if (view.length !== 0) throw new Error(`a live view of ${name}`);
    }
    for (const use of one.uses.toSorted(() => Math.random() - 0.5)) {
      try {
        await use(handle);
      } catch {
        // Refused.
      }
    }
    handle[Symbol.dispose]();
  }
  console.log(JSON.stringify({ name }));
}
Deno.exit();
