/** Bytes of a message. */
export const SIZE = 64;
/** The size of a chunk of a long transfer, and the number of chunks. */
export const CHUNK = 65536;
export const CHUNKS = 2000;
