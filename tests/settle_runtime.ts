/**
 * Imported by who counts descriptors or threads: makes the thread for signals
 * and its two sockets, which Deno makes of its own half a second after its
 * start, in the middle of a test that takes longer on a slow machine.
 */

const nothing = () => {};
Deno.addSignalListener("SIGWINCH", nothing);
Deno.removeSignalListener("SIGWINCH", nothing);
