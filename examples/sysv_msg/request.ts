import { ftok } from "@libc/ipc/sysv-key";

/** The key of the queue: each working directory has its own. */
export const KEY = ftok(".", "q");

/** The message type of a question; an answer has the asker's process id. */
export const QUESTION = 1;

/** A question: the asker's process id, and the numbers to add. */
export interface Question {
  from: number;
  numbers: number[];
}
