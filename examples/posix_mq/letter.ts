import { ftok } from "@libc/ipc/sysv-key";

/** The name of the queue: each working directory has its own. */
export const NAME = `/libc-ipc-inbox-${ftok(".", "i").toString(16)}`;

/** How much fits into it. */
export const SIZE = { maxMessages: 4, messageSize: 200 };
