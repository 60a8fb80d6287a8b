import { ftok } from "@libc/ipc/sysv-key";
import { struct, text } from "@libc/ipc/struct";

/** The key of the segment: each working directory has its own. */
export const KEY = ftok(".", "n");

/** What lies in the segment. */
export const Note = struct({
  /** How many notes there have been. */
  count: "u32",
  /** The process that wrote the last one. */
  writer: "i32",
  /** What it says. */
  text: text(120),
});
