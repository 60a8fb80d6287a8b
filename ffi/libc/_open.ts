/**
 * The only `Deno.dlopen` of the module: tables open on their first use.
 *
 * @module
 */

/** An entry of a table: a call of the C library. */
export interface Entry extends Deno.ForeignFunction {
  /**
   * Whether it is made once, whatever errno says: it closes something, blocks,
   * or `EAGAIN` means that it would have to wait. Any other call is made again, at
   * most three times, while it fails with `EAGAIN`.
   */
  readonly once?: boolean;
}

/** The entries of a table by name: calls, and variables of the C library. */
export type Entries = Readonly<Record<string, Entry | Deno.ForeignStatic>>;

/** The callable symbols of a table. */
export type Symbols<S extends Entries> = Deno.StaticForeignLibraryInterface<S>;

const LIBC = "libc.so.6";
const EAGAIN = 11;
const MORE_TRIES = 3;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** `errno` of a thread. */
export interface Errno {
  /** The error number. */
  readonly 0: number;
}

const saved = new Int32Array(1) as Int32Array & { 0: number };

/**
 * `errno` as the last synchronous call of a table left it in this thread:
 * `errno[0]`. After a call that succeeded it means nothing, and a `nonblocking`
 * call leaves it as it was.
 */
// A copy: V8 allocates memory and takes locks for itself wherever it enters a
// function, and what it calls leaves its own errno.
export const errno: Errno = saved;

/** That of the C library in this thread, once a table is open. */
let current = saved;

/**
 * Returns a function that opens the table on its first call and returns the
 * symbols.
 *
 * Importing a table opens nothing and asks for no permission.
 */
export function table<S extends Entries>(entries: S): () => Symbols<S> {
  let opened: Symbols<S> | undefined;
  return () => opened ??= open(entries);
}

function open<S extends Entries>(entries: S): Symbols<S> {
  try {
    if (current === saved) current = openErrno();
    const { symbols } = Deno.dlopen(LIBC, entries);
    return keepErrno(symbols, entries) as Symbols<S>;
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

function openErrno(): typeof saved {
  const { symbols } = Deno.dlopen(LIBC, {
    /** `int *__errno_location(void);` */
    __errno_location: { parameters: [], result: "pointer" },
  });
  const location = symbols.__errno_location();
  if (location === null) {
    throw new TypeError("Cannot find errno of this thread");
  }
  const memory = Deno.UnsafePointerView.getArrayBuffer(location, 4);
  return new Int32Array(memory) as typeof saved;
}

type Call = (...values: unknown[]) => unknown;

/** Makes of each synchronous call one that keeps its errno. */
function keepErrno(
  symbols: Record<string, unknown>,
  entries: Entries,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => {
      const symbol = symbols[name];
      const isCall = typeof symbol === "function" && "parameters" in entry;
      return [
        name,
        isCall && !entry.nonblocking ? keeping(symbol as Call, entry) : symbol,
      ];
    }),
  );
}

/**
 * The call, which keeps errno in the statement behind it, where V8 cannot come
 * in between.
 *
 * In a storm of signals Deno's handler may: its own write fails and leaves
 * `EAGAIN`. So may the object that Deno makes of a pointer. A failed call has
 * changed nothing, so the next try tells the real error.
 */
// Parameters by number, since V8 inlines no call that spreads an array.
function keeping(call: Call, entry: Entry): Call {
  const { parameters, once = false } = entry;
  const tries = once ? 0 : MORE_TRIES;
  const isFailure = failureOf(entry.result);
  const settle = (result: unknown, values: unknown[]) => {
    for (let i = 0; i < tries && saved[0] === EAGAIN; i++) {
      if (!isFailure(result)) break;
      current[0] = 0;
      result = call(...values);
      saved[0] = current[0];
    }
    return result;
  };
  switch (parameters.length) {
    case 0:
      return () => {
        current[0] = 0;
        const result = call();
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, []) : result;
      };
    case 1:
      return (a) => {
        current[0] = 0;
        const result = call(a);
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, [a]) : result;
      };
    case 2:
      return (a, b) => {
        current[0] = 0;
        const result = call(a, b);
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, [a, b]) : result;
      };
    case 3:
      return (a, b, c) => {
        current[0] = 0;
        const result = call(a, b, c);
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, [a, b, c]) : result;
      };
    case 4:
      return (a, b, c, d) => {
        current[0] = 0;
        const result = call(a, b, c, d);
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, [a, b, c, d]) : result;
      };
    case 5:
      return (a, b, c, d, e) => {
        current[0] = 0;
        const result = call(a, b, c, d, e);
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, [a, b, c, d, e]) : result;
      };
    default:
      return (...values) => {
        current[0] = 0;
        const result = call(...values);
        saved[0] = current[0];
        return saved[0] === EAGAIN ? settle(result, values) : result;
      };
  }
}

/** Returns whether a result of that type says that the call has failed. */
function failureOf(type: Deno.NativeResultType): (result: unknown) => boolean {
  switch (type) {
    case "i8":
    case "i16":
    case "i32":
      return (result) => result === -1;
    case "i64":
    case "isize":
      return (result) => result === -1n;
    case "pointer":
    case "buffer":
    case "function":
      return (result) =>
        result === null || isAllOnes(result as Deno.PointerObject);
    default:
      return () => false;
  }
}

/** Whether a pointer has all bits set: `MAP_FAILED`, `(void *) -1`. */
export function isAllOnes(pointer: Deno.PointerObject): boolean {
  return BigInt.asUintN(64, Deno.UnsafePointer.value(pointer)) === ALL_ONES;
}
