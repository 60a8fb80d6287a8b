/**
 * A local JSR registry with the stand-ins of `offline/std`, and in a test the
 * package itself.
 *
 * With `JSR_URL` set to it, Deno resolves `jsr:@std/…` as with the real JSR;
 * only the answers differ.
 *
 * @module
 */

import { filesBelow } from "./common.ts";

/** A package that the registry offers. */
interface Package {
  name: string;
  version: string;
  exports: Record<string, string>;
  files: Map<string, Uint8Array<ArrayBuffer>>;
}

/** A registry that listens on the loopback interface. */
export interface LocalRegistry extends AsyncDisposable {
  /** The value for `JSR_URL`. */
  url: string;
  /** The names of the requested packages. */
  requested: Set<string>;
  /** The requested files, such as `@std/path/join.ts`. */
  loaded: Set<string>;
}

/** Serves the packages in some folders until it is disposed. */
export function serveRegistry(root: string, folders: string[]): LocalRegistry {
  const packages = new Map(
    folders.map((folder) => readPackage(root, folder.replace(/^\.\//, "")))
      .map((it) => [it.name, it]),
  );
  const requested = new Set<string>();
  const loaded = new Set<string>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const path = new URL(request.url).pathname;
      const [, name = "", rest = ""] = /^\/(@[^/]+\/[^/]+)\/(.+)$/.exec(path) ??
        [];
      requested.add(name);
      const [, file] = /^\d[^/]*\/(.+)$/.exec(rest) ?? [];
      if (file !== undefined) loaded.add(`${name}/${file}`);
      const found = packages.get(name);
      const answer = found === undefined ? null : await serve(found, rest);
      return answer ?? new Response("Not found", { status: 404 });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    requested,
    loaded,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function serve(
  { version, exports, files }: Package,
  path: string,
): Promise<Response | null> {
  if (path === "meta.json") {
    return Response.json({ latest: version, versions: { [version]: {} } });
  }
  if (path === `${version}_meta.json`) {
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [file, bytes] of files) {
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      manifest[`/${file}`] = {
        size: bytes.length,
        checksum: `sha256-${new Uint8Array(digest).toHex()}`,
      };
    }
    return Response.json({ manifest, exports });
  }
  const bytes = path.startsWith(`${version}/`)
    ? files.get(path.slice(version.length + 1))
    : undefined;
  return bytes === undefined ? null : new Response(bytes, {
    headers: {
      "content-type": path.endsWith(".js")
        ? "text/javascript"
        : "text/typescript",
    },
  });
}

function readPackage(root: string, folder: string): Package {
  const base = `${root}${folder}/`;
  const { name, version, exports } = JSON.parse(
    Deno.readTextFileSync(`${base}deno.json`),
  );
  const files = new Map(
    filesBelow(base, "")
      .filter((file) => /(?<!_test)\.[jt]s$/.test(file))
      .map((file) => [file, published(Deno.readTextFileSync(base + file))]),
  );
  return {
    name,
    version,
    exports: typeof exports === "string" ? { ".": exports } : exports,
    files,
  };
}

/** A source with bare specifiers written out, as publishing does it. */
function published(source: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    source.replace(
      /(["'])(@std\/[\w-]+)(\/[\w/-]+)?\1/g,
      (_, _quote, name, path = "") => `"jsr:${name}@^1${path}"`,
    ),
  );
}
