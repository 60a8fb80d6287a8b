/** Bytes of a message. */
export const SIZE = 64;
/** Bytes of a part of a long transfer, and how many there are. */
export const CHUNK = 65536;
export const CHUNKS = 2000;
