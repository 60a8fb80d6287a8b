import { ftok } from "@libc/ipc/sysv-key";

/**
 * The name of the semaphore that counts the free places: each working directory
 * has its own.
 */
export const NAME = `/libc-ipc-garage-${ftok(".", "g").toString(16)}`;

/** The number of places. */
export const PLACES = 2;
