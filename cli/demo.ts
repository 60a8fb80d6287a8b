/**
 * `deno task demo`: the same as `ipc demo`.
 *
 * @module
 */

import { main } from "./mod.ts";

if (import.meta.main) Deno.exit(await main(["demo", ...Deno.args]));
