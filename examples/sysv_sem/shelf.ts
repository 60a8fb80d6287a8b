import { ftok } from "@libc/ipc/sysv-key";

/** The key of the set: each working directory has its own. */
export const KEY = ftok(".", "s");

/** The semaphore that counts the loaves on the shelf. */
export const LOAVES = 0;
/** The semaphore that counts the free places. */
export const ROOM = 1;
/** The semaphore that is 1 while the till is free. */
export const TILL = 2;
/** The capacity of the shelf. */
export const SHELF = 5;
