/**
 * Arguments and environment of a program in C form.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { memoryAddress } from "../../ffi/iovec.ts";
import { dlfcn } from "../../ffi/libc/dlfcn.ts";
import { shown } from "../core/convert/argument.ts";

/** `argv` and `envp` in one block of memory. */
export interface ProgramStrings {
  /** The pointers of `argv`, ending with a null. */
  readonly argv: Uint8Array<ArrayBuffer>;
  /** The first pointer of `envp`; it lives as long as `argv`. */
  readonly envp: Deno.PointerValue;
}

/** Changes to an environment: a value to set, or undefined to remove it. */
export type EnvironmentChanges = Readonly<Record<string, string | undefined>>;

/** A C string: its bytes with the NUL, or its address if C has it already. */
type CString = Uint8Array | bigint;

/** Lays out arguments and environment; strings that C has are not copied. */
export function programStrings(
  args: readonly string[],
  environment: readonly CString[],
): ProgramStrings {
  const strings: CString[] = [
    ...args.map((arg) => cstring(arg, "argument")),
    0n,
    ...environment,
    0n,
  ];
  let offset = strings.length * 8;
  const length = strings.reduce(
    (sum, string) => sum + (typeof string === "bigint" ? 0 : string.length),
    offset,
  );
  const memory = new Uint8Array(new ArrayBuffer(length));
  const base = memoryAddress(memory);
  const pointers = new BigUint64Array(memory.buffer, 0, strings.length);
  strings.forEach((string, i) => {
    if (typeof string === "bigint") {
      pointers[i] = string;
    } else {
      pointers[i] = base + BigInt(offset);
      memory.set(string, offset);
      offset += string.length;
    }
  });
  return {
    argv: memory,
    envp: Deno.UnsafePointer.create(base + BigInt((args.length + 1) * 8)),
  };
}

/**
 * The environment of a new program: that of this process, or an empty one, with
 * changes.
 */
export function environmentOf(
  changes: EnvironmentChanges,
  clear: boolean,
): CString[] {
  const names = new Set<string>();
  const added: CString[] = [];
  for (const [name, value] of Object.entries(changes)) {
    if (name === "" || name.includes("=")) {
      throw new TypeError(
        `name of an environment variable must not be empty or contain "=", got ${
          shown(name)
        }`,
      );
    }
    names.add(name);
    if (value === undefined) continue;
    if (typeof value !== "string") {
      throw new TypeError(
        `environment variable ${name} must be a string, got ${shown(value)}`,
      );
    }
    added.push(cstring(`${name}=${value}`, `environment variable ${name}`));
  }
  return clear ? added : [...inherited(names), ...added];
}

/** The strings of `environ`, except for the given names. */
function inherited(without: ReadonlySet<string>): bigint[] {
  const strings: bigint[] = [];
  // Looked up each time: Deno.env.set() may have moved it.
  const variable = dlfcn().dlsym(null, cstring("environ", "symbol"));
  if (variable === null) return strings;
  const list = new Deno.UnsafePointerView(variable).getPointer();
  if (list === null) return strings;
  const view = new Deno.UnsafePointerView(list);
  for (let offset = 0;; offset += 8) {
    const string = view.getPointer(offset);
    if (string === null) return strings;
    const [name = ""] = Deno.UnsafePointerView.getCString(string).split("=", 1);
    if (!without.has(name)) {
      strings.push(BigInt(Deno.UnsafePointer.value(string)));
    }
  }
}
