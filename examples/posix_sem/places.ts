/** The name of the semaphore that counts the free places. */
export const NAME = "/libc-ipc-garage";

/** How many places there are. */
export const PLACES = 2;
