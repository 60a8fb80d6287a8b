/** Carries one character as its code point. */
export const LETTER = "SIGRTMIN+1";
/**
 * Marks the text as complete: of two pending signals, the lower number is
 * delivered first.
 */
export const SEND = "SIGRTMIN+2";
/** The signals that end the receiver. */
export const STOP = ["SIGINT", "SIGTERM"] as const;
