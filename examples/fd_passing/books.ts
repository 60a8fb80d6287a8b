/** Where the library is: in the working directory. */
export const PATH = "library.sock";

/** What it has, by the title. */
export const books: ReadonlyMap<string, string> = new Map([
  ["pipes", "A pipe goes one way only.\nIts end is the last writer's end.\n"],
  ["sockets", "A socket goes both ways.\nIt can carry more than bytes.\n"],
]);
