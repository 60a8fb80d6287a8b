/**
 * The only `Deno.dlopen` of the module: tables open on their first use.
 *
 * @module
 */

/** The callable symbols of a table. */
export type Symbols<S extends Deno.ForeignLibraryInterface> =
  Deno.StaticForeignLibraryInterface<S>;

const LIBC = "libc.so.6";

/** `errno` of a thread. */
export interface Errno {
  /** The error number. */
  readonly 0: number;
}

// No call can have failed before a table is open.
const NONE = new Int32Array(1) as Int32Array & Errno;

/**
 * `errno` of this thread, as the last failing synchronous call left it: `errno[0]`.
 *
 * Read it in the expression of the call or right behind it:
 * `checkInt(unistd().close(fd), errno[0], …)`. Any code in between may
 * overwrite it. Entering a function is enough: V8 may collect garbage or
 * install code there. After a `nonblocking` call it means nothing.
 */
// One per isolate thread, and read as plain memory: a second FFI call to read
// it could return the errno of something that ran in between.
export let errno: Errno = NONE;

/**
 * Returns a function that opens the table on its first call and returns the
 * symbols.
 *
 * Importing a table opens nothing and asks for no permission.
 */
export function table<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): () => Symbols<S> {
  let opened: Symbols<S> | undefined;
  return () => opened ??= open(symbols);
}

function open<S extends Deno.ForeignLibraryInterface>(symbols: S): Symbols<S> {
  try {
    if (errno === NONE) errno = openErrno();
    return Deno.dlopen(LIBC, symbols).symbols;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new Deno.errors.NotCapable(
        "Cannot call libc without permission: run again with --allow-ffi (without a path, since pointers need it for everything)",
        { cause: error },
      );
    }
    throw new TypeError(
      `Cannot find all calls in ${LIBC}: glibc 2.34 or later has them`,
      { cause: error },
    );
  }
}

function openErrno(): Errno {
  const { symbols } = Deno.dlopen(LIBC, {
    /** `int *__errno_location(void);` */
    __errno_location: { parameters: [], result: "pointer" },
  });
  const location = symbols.__errno_location();
  if (location === null) {
    throw new TypeError("Cannot find errno of this thread");
  }
  const memory = Deno.UnsafePointerView.getArrayBuffer(location, 4);
  return new Int32Array(memory) as Int32Array & Errno;
}
