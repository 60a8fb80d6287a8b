import { strict as node } from "node:assert";
import { AssertionError, assertRejects, assertThrows } from "@std/assert";

class Busy extends Error {
  override readonly name = "Busy";
  readonly errno: number;
  constructor(message: string, errno: number) {
    super(message);
    this.errno = errno;
  }
}

function busy(): never {
  throw new Busy("Cannot lock a busy ring", 16);
}

/** Returns the properties of an AssertionError with the message. */
function failure(message: string): { name: string; message: string } {
  return { name: "AssertionError", message };
}

Deno.test("assertThrows() gives what was thrown", () => {
  const error = assertThrows(busy, Busy, "busy ring");
  node.equal(error.errno, 16);
  const number = 16;
  const thrown: unknown = assertThrows(() => {
    throw number;
  });
  node.equal(thrown, number);
  node.ok(assertThrows(busy, Error) instanceof Busy);
  node.ok(assertThrows(busy, "a message") instanceof Busy);
});

Deno.test("assertThrows() fails when nothing is thrown", () => {
  const quiet = () => {};
  const failed = failure("Expected function to throw.");
  node.throws(() => assertThrows(quiet), failed);
  node.throws(() => assertThrows(quiet, Error), failed);
  node.throws(
    () => assertThrows(quiet, "reading"),
    failure("Expected function to throw: reading"),
  );
});

Deno.test("assertThrows() fails when something else is thrown", () => {
  node.throws(
    () => assertThrows(busy, TypeError),
    failure(
      'Expected error to be instance of "TypeError", but was "Busy".',
    ),
  );
  node.throws(
    () => assertThrows(busy, Busy, "free", "while locking"),
    failure(
      'Expected error message to include "free", ' +
        'but got "Cannot lock a busy ring": while locking',
    ),
  );
  const text = "text";
  const throws = () => {
    throw text;
  };
  node.throws(
    () => assertThrows(throws, Error),
    failure("A non-Error object was thrown."),
  );
});

Deno.test("assertRejects() gives the reason", async () => {
  const error = await assertRejects(
    () => Promise.reject(new Busy("Cannot lock a busy ring", 16)),
    Busy,
    "busy",
  );
  node.equal(error.errno, 16);
  node.equal(await assertRejects(() => Promise.reject(16)), 16);
  // deno-lint-ignore require-await -- the throw inside is the point
  node.ok(await assertRejects(async () => busy(), "words") instanceof Busy);
});

Deno.test("assertRejects() fails when the promise resolves", async () => {
  await node.rejects(
    assertRejects(() => Promise.resolve(1)),
    failure("Expected function to reject."),
  );
  await node.rejects(
    assertRejects(() => Promise.resolve(1), Error, "", "waiting"),
    failure("Expected function to reject: waiting"),
  );
});

Deno.test("assertRejects() fails when the function throws at once", async () => {
  const failed = failure("Function throws when expected to reject.");
  await node.rejects(assertRejects(busy), failed);
  await node.rejects(assertRejects(busy, Busy), failed);
  const noPromise = (() => 1) as unknown as () => Promise<number>;
  await node.rejects(assertRejects(noPromise), failed);
});

Deno.test("assertRejects() fails when the reason is something else", async () => {
  await node.rejects(
    assertRejects(() => Promise.reject(new Busy("x", 1)), TypeError),
    AssertionError,
  );
  await node.rejects(
    assertRejects(() => Promise.reject("text"), Error),
    failure("A non-Error object was rejected."),
  );
});
