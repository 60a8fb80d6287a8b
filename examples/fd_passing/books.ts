/** The socket of the library, in the working directory. */
export const PATH = "library.sock";

/** Its books by title. */
export const books: ReadonlyMap<string, string> = new Map([
  ["pipes", "A pipe goes one way only.\nIts end is the last writer's end.\n"],
  ["sockets", "A socket goes both ways.\nIt can carry more than bytes.\n"],
]);
