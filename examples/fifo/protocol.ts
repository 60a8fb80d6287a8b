/** The FIFO for requests to the server, in the working directory. */
export const PATH = "shout.fifo";

/**
 * A request: the path of the FIFO for the answer, a blank, and the text. Writes
 * of up to 4,096 bytes (`PIPE_BUF`) are atomic, even with several writers.
 */
export interface Request {
  replyTo: string;
  text: string;
}

/** Encodes a request as a line. */
export function encode({ replyTo, text }: Request): string {
  return `${replyTo} ${text}\n`;
}

/** Decodes a request from a line. */
export function decode(line: string): Request {
  const blank = line.indexOf(" ");
  return { replyTo: line.slice(0, blank), text: line.slice(blank + 1) };
}
