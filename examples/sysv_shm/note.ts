import { ftok } from "@libc/ipc/sysv-key";
import { struct, text } from "@libc/ipc/struct";

/** The key of the segment: each working directory has its own. */
export const KEY = ftok(".", "n");

/** The content of the segment. */
export const Note = struct({
  /** The number of notes so far. */
  count: "u32",
  /** The process that wrote the last one. */
  writer: "i32",
  /** The text of the last note. */
  text: text(120),
});
