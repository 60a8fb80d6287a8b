/** The name of the queue. */
export const NAME = "/libc-ipc-inbox";

/** How much fits into it. */
export const SIZE = { maxMessages: 4, messageSize: 200 };
