/**
 * For tests that count descriptors or threads. Makes Deno create its signal
 * thread and the two sockets of it now, instead of half a second after its
 * start, in the middle of a test on a slow machine.
 */

const nothing = () => {};
Deno.addSignalListener("SIGWINCH", nothing);
Deno.removeSignalListener("SIGWINCH", nothing);
