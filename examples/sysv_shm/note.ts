import { ftok } from "@libc/ipc/sysv-key";
import { struct, text } from "@libc/ipc/struct";

/** The key of the segment: of this folder, so that all who know it find it. */
export const KEY = ftok(new URL(".", import.meta.url), "n");

/** What lies in the segment. */
export const Note = struct({
  /** How many notes there have been. */
  count: "u32",
  /** The process that wrote the last one. */
  writer: "i32",
  /** What it says. */
  text: text(120),
});
