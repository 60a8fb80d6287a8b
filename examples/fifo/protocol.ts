/** The FIFO on which the server takes requests, in the working directory. */
export const PATH = "shout.fifo";

/**
 * A request: the path of the FIFO to answer on, a blank, and the text. Up to
 * 4,096 bytes (`PIPE_BUF`) arrive in one piece, whoever else writes meanwhile.
 */
export interface Request {
  replyTo: string;
  text: string;
}

/** The line of a request. */
export function encode({ replyTo, text }: Request): string {
  return `${replyTo} ${text}\n`;
}

/** The request of a line. */
export function decode(line: string): Request {
  const blank = line.indexOf(" ");
  return { replyTo: line.slice(0, blank), text: line.slice(blank + 1) };
}
