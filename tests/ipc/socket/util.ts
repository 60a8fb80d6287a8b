/** Helpers of the tests of sockets. */

import { Socket, type SocketType } from "@libc/ipc";
import { assertEquals } from "@std/assert";
import { hasCommand, spawnCommand, uniqueName } from "../../util.ts";

/** All types. */
export const TYPES = ["stream", "datagram", "seqpacket"] as const;

/** Addresses of this machine at a port that the kernel chooses. */
export const LOOPBACK = [
  { family: "inet", address: "127.0.0.1", port: 0 },
  { family: "inet6", address: "::1", port: 0 },
] as const;

/** Why a test without Python is skipped, for its name. */
export const NO_PYTHON = hasCommand("python3") ? "" : " [skipped: no Python]";

/** Two connected sockets, closed with their scope. */
export function pair(
  type: SocketType = "stream",
): { a: Socket; b: Socket } & Disposable {
  const [a, b] = Socket.pair(type);
  return {
    a,
    b,
    [Symbol.dispose]() {
      a.close();
      b.close();
    },
  };
}

/** A server with one client, closed with their scope. */
export async function connected(
  options: { type?: "stream" | "seqpacket"; address?: string } = {},
): Promise<
  { server: Socket; client: Socket; connection: Socket } & Disposable
> {
  using stack = new DisposableStack();
  const address = options.address ?? abstractName();
  const server = stack.use(Socket.listen(address, options));
  const client = stack.use(await Socket.connect(address, options));
  const connection = stack.use(await server.accept());
  const owned = stack.move();
  return {
    server,
    client,
    connection,
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** A bound datagram socket and its name. */
export function receiver(): { socket: Socket; name: string } & Disposable {
  const socket = Socket.open("unix", "datagram");
  const name = abstractName();
  socket.bind(name);
  return { socket, name, [Symbol.dispose]: () => socket.close() };
}

/** A unique abstract name. */
export function abstractName(): string {
  return `\0${uniqueName()}`;
}

/** A folder that is removed with its scope. */
export function folder(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of what was received; null and undefined as they are. */
export function textOf(data: Uint8Array): string;
export function textOf(data: Uint8Array | null): string | null;
export function textOf(
  data: Uint8Array | null | undefined,
): string | null | undefined;
export function textOf(
  data: Uint8Array | null | undefined,
): string | null | undefined {
  return data && decoder.decode(data);
}

/** Runs a Python program with arguments to its end and gives its output. */
export async function python(code: string, ...args: string[]): Promise<string> {
  await using child = spawnCommand("python3", { args: ["-c", code, ...args] });
  const { code: status, stdout, stderr } = await child.end();
  assertEquals(status, 0, stderr);
  return stdout.trim();
}

/** Whether a promise is still pending after the microtasks of now. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => void (settled = true);
  promise.then(mark, mark);
  for (let i = 0; i < 20; i++) await null;
  return !settled;
}

/** Some turns of the event loop, by chance. */
export async function someTurns(): Promise<void> {
  for (let i = Math.random() * 4 | 0; i > 0; i--) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
