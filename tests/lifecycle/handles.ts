/**
 * Every public class that holds a kernel object: how to make one, and all its
 * uses. A new class that is missing here fails a test.
 */

import { deviceHandles } from "./device_handles.ts";
import type { HandleCase } from "./handle_case.ts";
import { posixHandles } from "./posix_handles.ts";
import { processHandles } from "./process_handles.ts";
import { streamHandles } from "./stream_handles.ts";
import { sysvHandles } from "./sysv_handles.ts";

/** The table, by the name that `mod.ts` exports. */
export const handles: Record<string, HandleCase> = {
  ...sysvHandles,
  ...posixHandles,
  ...streamHandles,
  ...processHandles,
  ...deviceHandles,
};
