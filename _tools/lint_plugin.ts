/**
 * Lint rules of this repository.
 *
 * - `import-direction`: layers import downwards only, a mechanism's folder is
 *   closed to the other mechanisms, a file whose name begins with `_` to all
 *   other folders; the library imports nothing but itself, `cli/` and
 *   `examples/` use the public specifiers.
 * - `dlopen-once`: `Deno.dlopen` stands in `ffi/libc/_open.ts` only.
 * - `no-raw-minus-one`: a C result is judged by the checkers of
 *   `ffi/errno.ts`, never by comparing it with -1.
 * - `no-bare-error`: the library throws `IpcError`, `TypeError`, `RangeError`.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url).pathname;
const OPEN = "ffi/libc/_open.ts";
const CHECKERS = "ffi/errno.ts";
const RAW = "ffi/mod.ts";

/**
 * Folders of the library and their layer: `/` at the end covers everything
 * below, `/*` the files in the folder.
 */
const LAYERS: ReadonlyArray<readonly [place: string, layer: number]> = [
  ["ffi/struct/", 0],
  ["ffi/libc/", 1],
  ["ffi/*", 2],
  ["ipc/core/convert/", 3],
  ["ipc/core/file/", 3],
  ["ipc/core/handle/", 3],
  ["ipc/core/memory/", 3],
  ["ipc/core/process/", 3],
  ["ipc/core/stream/", 3],
  ["ipc/core/wait/", 3],
  ["ipc/sysv/", 4],
  ["ipc/posix/", 4],
  ["ipc/memory/", 4],
  ["ipc/pipe/", 4],
  ["ipc/socket/", 4],
  ["ipc/process/", 4],
  ["ipc/file/", 4],
  // Probes of the machine, on the layer of the mechanisms.
  ["ipc/capabilities.ts", 4],
  ["ipc/_probes.ts", 4],
  ["ipc/sync/", 5],
  ["ipc/channel/", 5],
  ["ipc/inventory/", 5],
  ["ipc/testing/", 5],
  ["ipc/device/", 6],
  ["mod.ts", 7],
];

/** The layer whose folders are closed to each other. */
const MECHANISMS = 4;

/** Path of a file relative to the repository, with `/`, or undefined outside it. */
function pathOf(filename: string): string | undefined {
  let path = filename.replaceAll("\\", "/");
  if (path.startsWith("file://")) path = new URL(path).pathname;
  if (path.startsWith(ROOT)) return path.slice(ROOT.length);
  // Only `Deno.lint.runPlugin` gives relative names.
  return path.startsWith("/") ? undefined : path.replace(/^\.\//, "");
}

function isTest(path: string): boolean {
  return path.endsWith("_test.ts") || path.startsWith("tests/");
}

function isLibrary(path: string): boolean {
  return (path === "mod.ts" || path.startsWith("ffi/") ||
    path.startsWith("ipc/")) && !isTest(path);
}

/** Whether the imports of a file are checked. */
function isGuarded(path: string): boolean {
  return isLibrary(path) || /^(cli|examples)\//.test(path) && !isTest(path);
}

function layerOf(path: string): number | undefined {
  return LAYERS.find(([place]) =>
    place.endsWith("/")
      ? path.startsWith(place)
      : place === path || place === `${folderOf(path)}*`
  )?.[1];
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith("./") || specifier.startsWith("../");
}

/** The file that a relative import of `path` names, or undefined outside. */
function resolve(path: string, specifier: string): string | undefined {
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== ".") {
      parts.push(part);
    }
  }
  return parts.join("/");
}

/** Why `path` must not import `specifier`, or undefined when it may. */
function whyNot(path: string, specifier: string): string | undefined {
  // These characters have meanings that this rule does not interpret.
  const odd = /[\\%?#]/.exec(specifier)?.[0];
  if (odd !== undefined && isGuarded(path)) {
    return `An import must not contain ${JSON.stringify(odd)}`;
  }
  if (isLibrary(path)) return whyNotInLibrary(path, specifier);
  const folder = /^(cli|examples)\//.exec(path)?.[1];
  if (folder === undefined || isTest(path)) return undefined;
  const own = isRelative(specifier) &&
    resolve(path, specifier)?.startsWith(`${folder}/`);
  if (own || /^(@libc\/ipc|@std\/[^/]+)(\/|$)/.test(specifier)) {
    return undefined;
  }
  return `${folder}/ imports only "@libc/ipc", its subpaths, "@std/…" and its own files`;
}

function whyNotInLibrary(path: string, specifier: string): string | undefined {
  if (!isRelative(specifier)) {
    return "The library imports nothing from outside, and itself by relative path";
  }
  const target = resolve(path, specifier);
  if (target === undefined || !isLibrary(target)) {
    return "The library imports only ffi/ and ipc/";
  }
  const from = layerOf(path);
  const to = layerOf(target);
  // A file in no layer is reported once, for the file itself.
  if (from === undefined) return undefined;
  if (to === undefined) return `${target} belongs to no layer`;
  if (isPrivate(target) && !mayUsePrivate(path, target)) {
    return `${target} is private to its folder`;
  }
  if (target === RAW) return `${target} is for users; import the file itself`;
  if (to > from) return `Layer ${from} imports layer ${to}: ${target}`;
  if (
    from === MECHANISMS && to === MECHANISMS &&
    mechanismOf(path) !== mechanismOf(target)
  ) {
    return `Mechanisms never import each other, but share through ipc/core: ${target}`;
  }
  return undefined;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** `ipc/sysv` of a file at any depth, `ipc` of one that stands in it. */
function mechanismOf(path: string): string {
  return path.split("/").slice(0, -1).slice(0, 2).join("/");
}

function isPrivate(path: string): boolean {
  return path.slice(folderOf(path).length).startsWith("_");
}

/** From the same folder; and `ffi/mod.ts` re-exports private files. */
function mayUsePrivate(path: string, target: string): boolean {
  return folderOf(path) === folderOf(target) ||
    path === RAW && target === OPEN;
}

/** The text of a literal string node, or undefined. */
function literalText(node: Deno.lint.Node): string | undefined {
  if (node.type === "TSLiteralType") return literalText(node.literal);
  return node.type === "Literal" && typeof node.value === "string"
    ? node.value
    : undefined;
}

const importDirection: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (path === undefined) return {};
    const check = (node: Deno.lint.Node): void => {
      const specifier = literalText(node);
      if (specifier === undefined) {
        if (isGuarded(path)) {
          context.report({ node, message: "Cannot check a computed import" });
        }
        return;
      }
      const message = whyNot(path, specifier);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      Program(node) {
        if (isLibrary(path) && layerOf(path) === undefined) {
          context.report({
            node,
            message: `${path} belongs to no layer of the library`,
            hint: "Move it, or add its folder in _tools/lint_plugin.ts",
          });
        }
      },
      ImportDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ExportNamedDeclaration(node) {
        if (node.source !== null) check(node.source);
      },
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.argument),
      TSExternalModuleReference: (node) => check(node.expression),
    };
  },
};

/**
 * The name of a property that a node reads or destructures, if it is a literal.
 */
function propertyName(node: Deno.lint.Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "TemplateLiteral") return literalText(node);
  return node.quasis.length === 1 ? node.quasis[0]?.cooked : undefined;
}

const dlopenOnce: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    // Tests and benchmarks may open a C library of their own.
    if (path === undefined || path === OPEN || isTest(path)) return {};
    if (!isGuarded(path)) return {};
    const message = `Deno.dlopen stands only in ${OPEN}`;
    const hint = "Add the call to the table of its header in ffi/libc/";
    // On any object: Deno has aliases.
    const check = (node: Deno.lint.Node, property: Deno.lint.Node): void => {
      if (propertyName(property) === "dlopen") {
        context.report({ node, message, hint });
      }
    };
    return {
      MemberExpression: (node) => check(node, node.property),
      Property: (node) => check(node, node.key),
    };
  },
};

/** True for the literals `-1` and `-1n`. */
function isMinusOne(node: Deno.lint.Node): boolean {
  return node.type === "UnaryExpression" && node.operator === "-" &&
    node.argument.type === "Literal" &&
    (node.argument.value === 1 || node.argument.value === 1n);
}

const COMPARISONS = new Set(["===", "!==", "==", "!=", "<", "<=", ">", ">="]);

const noRawMinusOne: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (path === undefined || !isLibrary(path)) return {};
    if (path === CHECKERS || path === OPEN) return {};
    const report = (node: Deno.lint.Node): void =>
      context.report({
        node,
        message: "Compares with -1",
        hint: `Use a checker of ${CHECKERS}, or includes() for a search`,
      });
    return {
      BinaryExpression(node) {
        if (
          COMPARISONS.has(node.operator) &&
          (isMinusOne(node.left) || isMinusOne(node.right))
        ) {
          report(node);
        }
      },
      SwitchCase(node) {
        if (node.test !== null && isMinusOne(node.test)) report(node.test);
      },
    };
  },
};

const noBareError: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (path === undefined || !isLibrary(path)) return {};
    const check = (
      node: Deno.lint.NewExpression | Deno.lint.CallExpression,
    ): void => {
      if (node.callee.type === "Identifier" && node.callee.name === "Error") {
        context.report({
          node,
          message: "Makes a bare Error",
          hint: "Use IpcError, TypeError or RangeError",
        });
      }
    };
    return { NewExpression: check, CallExpression: check };
  },
};

/** The lint plugin, named in `deno.json`. */
const plugin: Deno.lint.Plugin = {
  name: "libc-ipc",
  rules: {
    "import-direction": importDirection,
    "dlopen-once": dlopenOnce,
    "no-raw-minus-one": noRawMinusOne,
    "no-bare-error": noBareError,
  },
};

export default plugin;
