/** Plays one scene and prints its outcome. */

import { fifoScenes } from "./fifo_scenes.ts";
import { processScenes } from "./process_scenes.ts";
import { socketScenes } from "./socket_scenes.ts";
import type { Scene } from "./stage.ts";
import { sysvScenes } from "./sysv_scenes.ts";

const scenes: Record<string, Scene> = {
  ...sysvScenes,
  ...fifoScenes,
  ...processScenes,
  ...socketScenes,
};

const [name = "", ...args] = Deno.args;
const scene = scenes[name];
if (scene === undefined) throw new Error(`there is no scene ${name}`);
console.log(JSON.stringify(await scene(...args)));
