/**
 * The C header of a struct: a declaration that C and C++ compilers lay out in
 * the same way, with asserts that fail if they do not.
 *
 * @module
 */

import type { Item, Layout } from "./_layout.ts";
import { show } from "./_scalar.ts";
import type { ScalarType } from "./_types.ts";

const C_TYPES: Readonly<Record<ScalarType, string>> = {
  i8: "int8_t",
  u8: "uint8_t",
  i16: "int16_t",
  u16: "uint16_t",
  i32: "int32_t",
  u32: "uint32_t",
  i64: "int64_t",
  u64: "uint64_t",
  f32: "float",
  f64: "double",
  // Not C's bool: a peer may store a value other than 0 and 1, and reading that
  // as a bool is undefined in C.
  bool: "uint8_t",
};

/**
 * Words that a C11, C23 or C++20 compiler does not accept as a name, and macros
 * that the compiler or the included headers define.
 */
const RESERVED =
  `alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept
  auto bitand bitor bool break case catch char char16_t char32_t char8_t class
  co_await co_return co_yield compl concept const const_cast consteval constexpr
  constinit continue decltype default delete do double dynamic_cast else enum
  explicit export extern false float for friend fortran goto i386 if inline int
  linux long mutable namespace new noexcept not not_eq nullptr offsetof operator
  or or_eq private protected public reflexpr register reinterpret_cast requires
  restrict return short signed sizeof static static_assert static_cast struct
  switch synchronized template this thread_local throw true try typedef typeid
  typename typeof typeof_unqual union unix unsigned using virtual void volatile
  wchar_t while xor xor_eq NULL`;

/** The words as a set, made with the first header. */
let reserved: ReadonlySet<string> | undefined;

/** The types and limits that <stddef.h> and <stdint.h> define. */
const STANDARD_TYPE =
  /^(u?int(_least|_fast)?\d+|u?intptr|u?intmax|size|ssize|ptrdiff|max_align|nullptr)_t$/;
const STANDARD_MACRO =
  /^(U?INT\w*|SIZE|PTRDIFF|WCHAR|WINT|SIG_ATOMIC)_(MIN|MAX|WIDTH|C)$/;

function hasMeaning(name: string): boolean {
  reserved ??= new Set(RESERVED.split(/\s+/));
  return reserved.has(name) || STANDARD_TYPE.test(name) ||
    STANDARD_MACRO.test(name);
}

function checkIdentifier(what: string, name: string): void {
  const refuse = (why: string): never => {
    throw new TypeError(`Cannot write C: ${what} ${show(name)} ${why}`);
  };
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    refuse("is not a C identifier");
  }
  // This also refuses keywords such as _Bool and _Static_assert.
  if (/^_[A-Z_]/.test(name)) refuse("is reserved for the C compiler");
  if (hasMeaning(name)) refuse("has a meaning of its own in C or C++");
}

/** A struct to declare. */
interface Declared {
  readonly name: string;
  readonly layout: Layout;
}

/**
 * The structs to declare, nested ones first, keyed by their shape in C: two
 * fields of one struct type have one type in C too.
 */
type Types = Map<string, Declared>;

/** Returns a key that is equal for equal types in C. */
function shapeOf(item: Item): string {
  switch (item.kind) {
    case "scalar":
    case "text":
      return item.canonical;
    case "array":
      return `${shapeOf(item.element)}[${item.length}]`;
    case "struct": {
      const fields = item.fields.map((f) => `${f.name}:${shapeOf(f.item)}`);
      return `${item.packed ? "packed" : ""}{${fields.join(",")}}`;
    }
  }
}

function collectFieldNames(item: Item, into: Set<string>): void {
  if (item.kind === "array") collectFieldNames(item.element, into);
  if (item.kind !== "struct") return;
  for (const field of item.fields) {
    checkIdentifier("the field name", field.name);
    into.add(field.name);
    collectFieldNames(field.item, into);
  }
}

/**
 * Names the nested structs after their paths. A name may already be taken by
 * another path that reads the same, or by a field: in C++ a member cannot have
 * the name of a type that its struct uses.
 */
function nameNested(
  item: Item,
  path: string,
  types: Types,
  taken: Set<string>,
): void {
  if (item.kind === "array") nameNested(item.element, path, types, taken);
  if (item.kind !== "struct") return;
  const shape = shapeOf(item);
  if (types.has(shape)) return;
  for (const field of item.fields) {
    nameNested(field.item, `${path}_${field.name}`, types, taken);
  }
  let name = path;
  for (let i = 2; taken.has(name) || hasMeaning(name); i++) {
    name = `${path}_${i}`;
  }
  taken.add(name);
  types.set(shape, { name, layout: item });
}

function declaration(name: string, item: Item, types: Types): string {
  switch (item.kind) {
    case "scalar":
      return `${C_TYPES[item.name]} ${name}`;
    case "text":
      return `char ${name}[${item.size}]`;
    case "struct":
      return `${types.get(shapeOf(item))?.name} ${name}`;
    case "array":
      return declaration(`${name}[${item.length}]`, item.element, types);
  }
}

function note(item: Item): string {
  if (item.kind === "array") return note(item.element);
  if (item.kind === "text") return " /* UTF-8, NUL-terminated if shorter */";
  return item.kind === "scalar" && item.name === "bool"
    ? " /* bool: any non-zero is true */"
    : "";
}

function typedef(declared: Declared, types: Types, assert: string): string {
  const { name, layout } = declared;
  const attribute = layout.packed ? " __attribute__((packed))" : "";
  const check = (what: string, is: number): string =>
    `${assert}(${what} == ${is}, "${what} is not ${is}");`;
  return [
    `typedef struct${attribute} ${name} {`,
    ...layout.fields.map(({ name, item }) =>
      `  ${declaration(name, item, types)};${note(item)}`
    ),
    `} ${name};`,
    "",
    check(`sizeof(${name})`, layout.size),
    ...layout.fields.map((field) =>
      check(`offsetof(${name}, ${field.name})`, field.offset)
    ),
  ].join("\n");
}

/** Returns the header that declares a layout under a name. */
export function headerOf(layout: Layout, name: string, hash: bigint): string {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot write C: ${show(name)} is not a name`);
  }
  checkIdentifier("the struct name", name);
  const prefix = `${name.toUpperCase()}_LAYOUT`;
  const guard = `${prefix}_H`;
  const hashName = `${prefix}_HASH`;
  const assert = `${prefix}_ASSERT`;
  const fields = new Set<string>();
  collectFieldNames(layout, fields);
  for (const own of [name, guard, hashName, assert]) {
    if (fields.has(own)) {
      throw new TypeError(
        `Cannot write C: the field name ${
          show(own)
        } is taken by the header itself`,
      );
    }
  }
  const taken = new Set([...fields, guard, hashName, assert]);
  const types: Types = new Map();
  // The struct itself is declared last, but its name is reserved first.
  taken.add(name);
  for (const field of layout.fields) {
    nameNested(field.item, `${name}_${field.name}`, types, taken);
  }
  const declared = [...types.values(), { name, layout }];
  const digits = hash.toString(16).padStart(16, "0");
  return `/* ${name}: ${layout.size} bytes, alignment ${layout.align}.
   Generated from a struct() layout: change it there. */
#ifndef ${guard}
#define ${guard}

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define ${assert}(condition, text) static_assert(condition, text)
#else
#define ${assert}(condition, text) _Static_assert(condition, text)
#endif

/* Equal on both sides when both have the same layout. */
#define ${hashName} UINT64_C(0x${digits})

${declared.map((each) => typedef(each, types, assert)).join("\n\n")}

#undef ${assert}

#endif /* ${guard} */
`;
}
