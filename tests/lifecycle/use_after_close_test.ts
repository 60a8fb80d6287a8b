import { assertEquals, assertMatch } from "@std/assert";
import * as ipc from "@libc/ipc";
import { watchdog } from "../util.ts";
import { inCompany } from "./company.ts";
import { handles } from "./handles.ts";

/** Returns the result of a call, or its error. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

/** Parts of a handle that hold nothing of their own: halves of a socket. */
const PARTS = new Set(["SocketReader", "SocketWriter"]);

Deno.test("every public class that can be disposed of is in the table", () => {
  const classes = Object.entries(ipc).filter(([, value]) =>
    typeof value === "function" && value.prototype !== undefined &&
    (Symbol.dispose in value.prototype ||
      Symbol.asyncDispose in value.prototype)
  ).map(([name]) => name);
  assertEquals(
    classes.filter((name) => !(name in handles) && !PARTS.has(name)),
    [],
  );
});

/** Members that still work on a closed handle of any class. */
const ANSWERS =
  "close closed name label id key path pid created signals size length shared " +
  "readOnly bytesRead bytesWritten maxMessages messageSize";

/** Members for internal use, which are not documented. */
const INTERNAL = "use take attempt nothing useNonBlocking refuseWhileBusy " +
  "memory beforeUnmap beforeClose overtaken overlaps subject refuse needUnix";

/** Other members that work on a closed handle of one class, and why. */
const OWN_ANSWERS: Record<string, string> = {
  // Protected; overridden by the subclasses for sockets.
  FdReader: "receive",
  PipeReader: "receive",
  FdWriter: "send",
  PipeWriter: "send",
  // A pin may keep the memory.
  Mapping: "pinned transferred",
  SharedMapping: "pinned transferred",
  // A process may outlive its handle; its pipes are handles of their own.
  ChildProcess: "pidfd stdin stdout stderr ended",
  // connections() ends at once. The others are for streams; see their tests.
  Socket: "connections reader writer readable writable",
  // The final state.
  WaveDevice: "state status removed notices exit",
  WaveClient: "transport foreign features device end",
};

Deno.test("every member of every class in the table is tried after close(), or answers", () => {
  const words = (text = "") => text.split(" ");
  for (const [name, { uses }] of Object.entries(handles)) {
    const tried = uses.join("\n");
    const answers = new Set([
      ...words(ANSWERS),
      ...words(INTERNAL),
      ...words(OWN_ANSWERS[name]),
    ]);
    const members = new Set<string>();
    const { prototype } = Object.entries(ipc).find(([key]) => key === name)
      ?.[1] as { prototype: object };
    for (
      let proto = prototype;
      proto !== Object.prototype;
      proto = Object.getPrototypeOf(proto)
    ) {
      for (const member of Object.getOwnPropertyNames(proto)) {
        members.add(member);
      }
    }
    members.delete("constructor");
    const left = [...members].filter((member) =>
      !answers.has(member) && !new RegExp(`\\.${member}\\b`).test(tried)
    );
    const hint =
      `${name}: add these to its uses in tests/lifecycle/*_handles.ts`;
    assertEquals(left, [], hint);
  }
});

const survived = inCompany("used_child.ts", Object.keys(handles));

for (const [name, { make, use, uses }] of Object.entries(handles)) {
  Deno.test(`a closed ${name} refuses every use and can be closed again`, async () => {
    using handle = await make();
    await use(handle);
    assertEquals(handle.closed, false);
    handle.close();
    handle.close();
    assertEquals(handle.closed, true);
    for (const one of uses) {
      const error = await outcome(() => one(handle));
      const said = `${one}: ${error}`;
      assertEquals(error instanceof TypeError, true, said);
      assertMatch((error as TypeError).message, /^Cannot .+ a closed /, said);
    }
    handle[Symbol.dispose]();
    assertEquals(handle.closed, true);
  });

  Deno.test(`a closed ${name} used in any order never ends the process`, async () => {
    using _dog = watchdog(name);
    assertEquals(await survived(name), { name });
  });
}
