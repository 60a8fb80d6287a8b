/** Bytes of a message. */
export const SIZE = 64;
