import type { Scene } from "./stage.ts";
export const processScenes: Record<string, Scene> = {};
