import { ftok } from "@libc/ipc/sysv-key";

/** The key of the queue: each working directory has its own. */
export const KEY = ftok(".", "q");

/** The type of a question; an answer has the process id of who asked. */
export const QUESTION = 1;

/** A question: who asks, and what is to be added up. */
export interface Question {
  from: number;
  numbers: number[];
}
