import { assert, assertEquals } from "@std/assert";
import { isHelpTopic } from "../../cli/help.ts";

const ROOT = new URL("../../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));
const CONFIG = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));

Deno.test("README names every subpath of the package, and no other", () => {
  const named = [...README.matchAll(/^\| `@libc\/ipc(\/[\w-]+)` +\|/gm)]
    .map(([, path]) => `.${path}`);
  const exported = Object.keys(CONFIG.exports).filter((path) => path !== ".");
  assertEquals(named.sort(), exported.sort());
});

Deno.test("README links to files that exist", () => {
  const links = [...README.matchAll(/\]\((?!https:)([^)]+)\)/g)];
  assert(links.length > 3);
  for (const [, link = ""] of links) Deno.statSync(new URL(link, ROOT));
});

Deno.test("README shows tasks and commands that exist", () => {
  const tasks = [...README.matchAll(/\btask (\w+)/g)].map(([, name]) => name);
  assert(tasks.length > 5);
  assertEquals(tasks.filter((name) => !((name ?? "") in CONFIG.tasks)), []);
  const commands = [...README.matchAll(/^\| `ipc (\w+)/gm)];
  assert(commands.length > 3);
  assertEquals(commands.filter(([, name = ""]) => !isHelpTopic(name)), []);
});
