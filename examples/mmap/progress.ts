import { struct } from "@libc/ipc/struct";

/** The file that both programs map. */
export const PATH = "/tmp/libc-ipc-progress";

/** What is in it. */
export const Progress = struct({ done: "u32", total: "u32" });
