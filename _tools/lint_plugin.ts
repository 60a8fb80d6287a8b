/**
 * The rules of this repository that the standard lint rules do not know.
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

/** Folders of the library and their layer; the longest prefix decides. */
const LAYERS: ReadonlyArray<readonly [prefix: string, layer: number]> = [
  ["ffi/struct/", 0],
  ["ffi/libc/", 1],
  ["ffi/", 2],
  ["ipc/core/", 3],
  ["ipc/sysv/", 4],
  ["ipc/posix/", 4],
  ["ipc/memory/", 4],
  ["ipc/pipe/", 4],
  ["ipc/socket/", 4],
  ["ipc/process/", 4],
  ["ipc/file/", 4],
  // What asks the machine; it stands beside the mechanisms.
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

function layerOf(path: string): number | undefined {
  return LAYERS.find(([prefix]) =>
    prefix.endsWith("/") ? path.startsWith(prefix) : path === prefix
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
    folderOf(path) !== folderOf(target)
  ) {
    return `Mechanisms never import each other, but share through ipc/core: ${target}`;
  }
  return undefined;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function isPrivate(path: string): boolean {
  return path.slice(folderOf(path).length).startsWith("_");
}

/** From the same folder, or to be shown by the face of the folder above. */
function mayUsePrivate(path: string, target: string): boolean {
  const folder = folderOf(target);
  return folderOf(path) === folder ||
    path === `${folderOf(folder.slice(0, -1))}mod.ts`;
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
        if (isLibrary(path)) {
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
    };
  },
};

/** True for `Deno.dlopen`, `Deno["dlopen"]`. */
function isDlopen(node: Deno.lint.MemberExpression): boolean {
  if (node.object.type !== "Identifier" || node.object.name !== "Deno") {
    return false;
  }
  return node.property.type === "Identifier"
    ? node.property.name === "dlopen"
    : literalText(node.property) === "dlopen";
}

const dlopenOnce: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    // Tests and benchmarks may open a C library of their own.
    if (path === undefined || path === OPEN || isTest(path)) return {};
    if (!isLibrary(path) && !/^(cli|examples)\//.test(path)) return {};
    const message = `Deno.dlopen stands only in ${OPEN}`;
    const hint = "Add the call to the table of its header in ffi/libc/";
    return {
      MemberExpression(node) {
        if (isDlopen(node)) context.report({ node, message, hint });
      },
      VariableDeclarator(node) {
        if (
          node.id.type === "ObjectPattern" &&
          node.init?.type === "Identifier" && node.init.name === "Deno"
        ) {
          context.report({ node, message: "Name Deno's functions in full" });
        }
      },
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
    if (path === undefined || !isLibrary(path) || path === CHECKERS) return {};
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
