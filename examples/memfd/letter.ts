import { struct, text } from "@libc/ipc/struct";

/** A question and, when `answered` is 1, its answer. */
export const Letter = struct({
  answered: "u32",
  pid: "i32",
  question: text(60),
  answer: text(60),
});
