// TEMPORARY, replaced by the stand-in being written
// deno-lint-ignore-file
import nodeAssert from "node:assert";
export class AssertionError extends Error { override name = "AssertionError"; }
export function assert(v: unknown, m = ""): asserts v { if (!v) throw new AssertionError(m || "assert"); }
export function assertFalse(v: unknown, m = ""): void { if (v) throw new AssertionError(m || "assertFalse"); }
export function assertEquals<T>(a: T, b: T, m?: string): void { nodeAssert.deepStrictEqual(a, b, m); }
export function assertNotEquals<T>(a: T, b: T, m?: string): void { nodeAssert.notDeepStrictEqual(a, b, m); }
export function assertStrictEquals<T>(a: unknown, b: T, m?: string): asserts a is T { if (!Object.is(a, b)) throw new AssertionError(m ?? "not same"); }
export function assertExists<T>(a: T, m?: string): asserts a is NonNullable<T> { if (a == null) throw new AssertionError(m ?? "missing"); }
export function assertInstanceOf<T>(a: unknown, c: abstract new (...args: any[]) => T, m?: string): asserts a is T { if (!(a instanceof c)) throw new AssertionError(m ?? `not ${c.name}: ${a}`); }
export function assertMatch(a: string, r: RegExp, m?: string): void { if (!r.test(a)) throw new AssertionError(m ?? `${a} !~ ${r}`); }
export function assertStringIncludes(a: string, b: string, m?: string): void { if (!a.includes(b)) throw new AssertionError(m ?? `${a} lacks ${b}`); }
export function assertGreater<T>(a: T, b: T, m?: string): void { if (!(a > b)) throw new AssertionError(m ?? `${a} <= ${b}`); }
export function assertGreaterOrEqual<T>(a: T, b: T, m?: string): void { if (!(a >= b)) throw new AssertionError(m ?? `${a} < ${b}`); }
export function assertLess<T>(a: T, b: T, m?: string): void { if (!(a < b)) throw new AssertionError(m ?? `${a} >= ${b}`); }
export function assertLessOrEqual<T>(a: T, b: T, m?: string): void { if (!(a <= b)) throw new AssertionError(m ?? `${a} > ${b}`); }
export function fail(m?: string): never { throw new AssertionError(m ?? "failed"); }
export function assertThrows<E extends Error = Error>(fn: () => unknown, c?: any, t?: any, m?: string): E {
  try { fn(); } catch (e) { if (typeof c === "function") { assertInstanceOf(e, c, m); if (t) assertStringIncludes((e as Error).message, t); } return e as E; }
  throw new AssertionError("Expected function to throw");
}
export async function assertRejects<E extends Error = Error>(fn: () => PromiseLike<unknown>, c?: any, t?: any, m?: string): Promise<E> {
  try { await fn(); } catch (e) { if (typeof c === "function") { assertInstanceOf(e, c, m); if (t) assertStringIncludes((e as Error).message, t); } return e as E; }
  throw new AssertionError("Expected function to reject");
}
