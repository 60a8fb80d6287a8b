import { ftok } from "@libc/ipc/sysv-key";

/** The key of the queue: of this folder, so that all who know it find it. */
export const KEY = ftok(new URL(".", import.meta.url), "q");

/** The type of a question; an answer has the process id of who asked. */
export const QUESTION = 1;

/** A question: who asks, and what is to be added up. */
export interface Question {
  from: number;
  numbers: number[];
}
