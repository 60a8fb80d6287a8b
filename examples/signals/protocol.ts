/** Brings one character, as its code point. */
export const LETTER = "SIGRTMIN+1";
/** Says that the text is complete: of two waiting signals, the lower comes first. */
export const SEND = "SIGRTMIN+2";
/** What ends the receiver. */
export const STOP = ["SIGINT", "SIGTERM"] as const;
