import type { Scene } from "./stage.ts";
export const memoryScenes: Record<string, Scene> = {};
