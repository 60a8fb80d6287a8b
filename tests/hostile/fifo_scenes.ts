import type { Scene } from "./stage.ts";
export const fifoScenes: Record<string, Scene> = {};
