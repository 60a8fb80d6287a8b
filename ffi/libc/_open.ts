/**
 * The only `Deno.dlopen` of the module: tables open on their first use.
 *
 * @module
 */

/** The callable symbols of a table. */
export type Symbols<S extends Deno.ForeignLibraryInterface> =
  Deno.StaticForeignLibraryInterface<S>;

const LIBC = "libc.so.6";

// One per isolate thread, since errno is thread-local. It must be a plain
// memory read: a second FFI call after the failing one can find another errno.
let errnoView: Int32Array | undefined;

/**
 * Returns a function that opens the table once and then gives its symbols.
 *
 * Importing a table opens nothing and asks for no permission.
 */
export function table<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): () => Symbols<S> {
  let opened: Symbols<S> | undefined;
  return () => opened ??= open(symbols);
}

/**
 * `errno` of this thread, as the last failing synchronous call left it.
 *
 * Read it at once: anything in between, even an allocation, may change it.
 * After a `nonblocking` call it means nothing.
 */
export function errno(): number {
  // Unset only when no table is open yet, so that no call can have failed.
  return errnoView === undefined ? 0 : errnoView[0] as number;
}

function open<S extends Deno.ForeignLibraryInterface>(symbols: S): Symbols<S> {
  try {
    errnoView ??= openErrno();
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

function openErrno(): Int32Array {
  const { symbols } = Deno.dlopen(LIBC, {
    /** `int *__errno_location(void);` */
    __errno_location: { parameters: [], result: "pointer" },
  });
  const location = symbols.__errno_location();
  if (location === null) {
    throw new TypeError("Cannot find errno of this thread");
  }
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
}
