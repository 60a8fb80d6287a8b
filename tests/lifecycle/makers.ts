/**
 * Finds every public function that returns a handle in the documentation, so
 * that a test can require each.
 */

const ROOT = new URL("../../", import.meta.url).pathname;

/** A type in `deno doc --json`, as far as it matters here. */
type TypeDoc = unknown;

interface MethodDoc {
  name: string;
  kind: string;
  accessibility?: string;
  functionDef: { returnType?: TypeDoc };
}

interface Definition {
  returnType?: TypeDoc;
  extends?: string | TypeDoc[];
  implements?: TypeDoc[];
  methods?: MethodDoc[];
  properties?: { tsType?: TypeDoc }[];
  tsType?: TypeDoc;
}

interface Declaration {
  kind: string;
  def: Definition;
}

/** Platform types that hold a resource. */
const HELD = ["Disposable", "AsyncDisposable", "SharedArrayBuffer"];

/** A part of what `deno doc --json` prints. */
interface Doc {
  nodes: Record<
    string,
    { symbols: { name: string; declarations: Declaration[] }[] }
  >;
}

/** The names of all types within a type. */
function typeNames(type: TypeDoc, into: Set<string> = new Set()): Set<string> {
  if (Array.isArray(type)) {
    for (const part of type) typeNames(part, into);
  } else if (typeof type === "object" && type !== null) {
    if ("typeName" in type) into.add(String(type.typeName));
    for (const part of Object.values(type)) typeNames(part, into);
  }
  return into;
}

/** The types of handles, and those that contain one. */
function handleTypes(symbols: Map<string, Declaration[]>): Set<string> {
  const found = new Set(HELD);
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [name, declarations] of symbols) {
      for (const { kind, def } of declarations) {
        const parts = kind === "class" ? [def.implements] : [
          def.extends,
          def.properties?.map(({ tsType }) => tsType),
          def.tsType,
        ];
        const names = typeNames(parts);
        if (typeof def.extends === "string") names.add(def.extends);
        if (
          kind !== "function" && kind !== "variable" &&
          !found.isDisjointFrom(names)
        ) found.add(name);
      }
    }
  }
  return found;
}

/**
 * The public functions that return a handle: `Class.method()`, `function()`.
 */
export async function makers(): Promise<string[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "mod.ts"],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("deno doc failed");
  const { nodes }: Doc = JSON.parse(new TextDecoder().decode(stdout));
  const symbols = new Map<string, Declaration[]>();
  for (const module of Object.values(nodes)) {
    for (const { name, declarations } of module.symbols) {
      symbols.set(name, declarations);
    }
  }
  const handles = handleTypes(symbols);
  const gives = (type: TypeDoc) => !handles.isDisjointFrom(typeNames(type));
  const found = new Set<string>();
  for (const [name, declarations] of symbols) {
    for (const { kind, def } of declarations) {
      if (kind === "function" && gives(def.returnType)) found.add(`${name}()`);
      if (kind !== "class") continue;
      for (const method of def.methods ?? []) {
        // A getter returns an existing object.
        if (method.accessibility === "private" || method.kind === "getter") {
          continue;
        }
        if (gives(method.functionDef.returnType)) {
          found.add(`${name}.${method.name}()`);
        }
      }
    }
  }
  return [...found].sort();
}
