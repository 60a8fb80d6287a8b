import { struct } from "@libc/ipc/struct";

/** The file that both programs map, in the working directory. */
export const PATH = "work.progress";

/** The content of the file. */
export const Progress = struct({ done: "u32", total: "u32" });
