/**
 * Shared parts of the tools: the repository's files, its configuration, and
 * `deno` as a child process.
 *
 * @module
 */

/** The repository, with a slash at its end. */
export const ROOT: string = new URL("../", import.meta.url).pathname;

/** The parts of `deno.json` that the tools read. */
export interface Config {
  /** Name of the package. */
  name: string;
  /** Version of the package. */
  version: string;
  /** Subpaths and the files behind them. */
  exports: Record<string, string>;
  /** Bare specifiers and what they stand for. */
  imports: Record<string, string>;
  /** Folders of stand-ins. */
  links?: string[];
  /** Folders that all tools ignore. */
  exclude?: string[];
  /** What is published. */
  publish: { include: string[]; exclude?: string[] };
}

/** Reads `deno.json` of a repository. */
export function readConfig(root: string): Config {
  return JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
}

/** Whether there is such a file. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * The files below a folder, sorted, relative to `root`; none when the folder is
 * missing. Names that begin with a dot and `node_modules` are left out.
 */
export function filesBelow(root: string, folder: string): string[] {
  const files: string[] = [];
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(`${root}${folder}`)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  for (const { name, isDirectory } of entries) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) files.push(...filesBelow(root, path));
    else files.push(path);
  }
  return files.sort();
}

/** The output of a child process and how it ended. */
export interface Outcome {
  /** Whether it exited with 0. */
  success: boolean;
  /** Its standard output. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
}

/** Options of {@linkcode deno}. */
export interface DenoOptions {
  /**
   * The folder to run in.
   *
   * @default {ROOT}
   */
  cwd?: string;
  /**
   * Variables added to the environment.
   *
   * @default {{}}
   */
  env?: Record<string, string>;
}

/** Runs this Deno without standard input and waits for its end. */
export async function deno(
  args: string[],
  { cwd = ROOT, env = {} }: DenoOptions = {},
): Promise<Outcome> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    success,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** A documentation comment, as `deno doc --json` gives it. */
export interface Doc {
  /** Its text without the tags. */
  doc?: string;
  /** Its tags. */
  tags?: Array<{ kind: string }>;
}

/** A member of a class, as `deno doc --json` gives it. */
export interface Member {
  /** Its name. */
  name: string;
  /** Its documentation. */
  jsDoc?: Doc;
  /** Whether it belongs to the class itself. */
  isStatic?: boolean;
  /** `method`, `getter` or `setter`. */
  kind?: string;
}

/** A declaration of a symbol, as `deno doc --json` gives it. */
export interface Declaration {
  /** Its location. */
  location: { filename: string; line: number };
  /** Its documentation. */
  jsDoc?: Doc;
  /** `class`, `function`, `interface`, `reference`, … */
  kind: string;
  /** A class, or what a reference refers to. */
  def?: {
    isAbstract?: boolean;
    extends?: string;
    methods?: Member[];
    properties?: Member[];
    target?: { filename: string; line: number };
  };
}

/** What a module exports, as `deno doc --json` gives it. */
export interface ModuleDoc {
  /** The documentation of the module. */
  module_doc?: Doc;
  /** The exported symbols. */
  symbols: Array<{ name: string; declarations: Declaration[] }>;
}

/** The exports of modules by their path relative to `root`. */
export async function docOf(
  root: string,
  paths: string[],
): Promise<Map<string, ModuleDoc>> {
  if (paths.length === 0) return new Map();
  const { success, stdout, stderr } = await deno(["doc", "--json", ...paths], {
    cwd: root,
  });
  if (!success) throw new Error(`Cannot read the exports: ${stderr.trim()}`);
  const { nodes }: { nodes: Record<string, ModuleDoc> } = JSON.parse(stdout);
  const prefix = `file://${Deno.realPathSync(root)}/`;
  return new Map(
    Object.entries(nodes).map(([url, doc]) => [url.replace(prefix, ""), doc]),
  );
}

/** Prints problems and exits with 1, or prints that there are none. */
export function finish(problems: string[], well: string): void {
  if (problems.length === 0) {
    console.log(well);
  } else {
    console.error(problems.join("\n"));
    Deno.exitCode = 1;
  }
}
