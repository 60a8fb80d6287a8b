import { assertEquals, assertThrows } from "@std/assert";
import {
  basename,
  dirname,
  extname,
  format,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  parse,
  type ParsedPath,
  relative,
  resolve,
  SEPARATOR,
  toFileUrl,
} from "@std/path";

/** Asserts that each call returns the value on its right. */
function gives(...cases: [actual: unknown, expected: unknown][]): void {
  for (const [index, [actual, expected]] of cases.entries()) {
    assertEquals(actual, expected, `case ${index + 1}`);
  }
}

Deno.test("SEPARATOR stands between the parts of a path", () => {
  assertEquals(join("a", "b"), `a${SEPARATOR}b`);
});

Deno.test("basename() gives the last part of a path", () => {
  gives(
    [basename("/a/b.ts"), "b.ts"],
    [basename("/a/b/"), "b"],
    [basename("//a"), "a"],
    [basename("b.ts", ".ts"), "b"],
    [basename("b.ts", "ts"), "b."],
    [basename("b.ts", ".js"), "b.ts"],
    [basename("b.ts", "b.ts"), "b.ts"],
    [basename("/a/b.ts/", ".ts"), "b"],
    [basename(""), ""],
    [basename("."), "."],
    [basename("/"), "/"],
    [basename("///"), "/"],
    [basename("a\\b"), "a\\b"],
  );
});

Deno.test("dirname() gives the path without its last part", () => {
  gives(
    [dirname("/a/b/c"), "/a/b"],
    [dirname("/a/b/"), "/a"],
    [dirname("/a"), "/"],
    [dirname("a//b"), "a"],
    [dirname("a"), "."],
    [dirname(""), "."],
    [dirname("/"), "/"],
  );
});

Deno.test("extname() gives the extension with its dot", () => {
  gives(
    [extname("a.ts"), ".ts"],
    [extname("/a.d/b.test.ts/"), ".ts"],
    [extname("a."), "."],
    [extname(".a"), ""],
    [extname(".a.b"), ".b"],
    [extname(".."), ""],
    [extname("a.d/b"), ""],
    [extname(""), ""],
  );
});

Deno.test("isAbsolute() tells absolute and relative paths apart", () => {
  gives(
    [isAbsolute("/a"), true],
    [isAbsolute("a/b"), false],
    [isAbsolute("./a"), false],
    [isAbsolute(""), false],
  );
});

Deno.test("join() puts parts together", () => {
  gives(
    [join(), "."],
    [join(""), "."],
    [join("", "a"), "a"],
    [join("/", "a", "b/"), "/a/b/"],
    [join("a", "..", ".."), ".."],
    [join("/a", "../../b"), "/b"],
    [join("a", "", "/b"), "a/b"],
  );
});

Deno.test("normalize() removes what does not matter", () => {
  gives(
    [normalize(""), "."],
    [normalize("./a/../b//c/."), "b/c"],
    [normalize("/../a/"), "/a/"],
    [normalize("../a/.."), ".."],
  );
});

Deno.test("relative() leads from one path to another", () => {
  gives(
    [relative("/a/b/c", "/a/d"), "../../d"],
    [relative("/a", "/a/b/c"), "b/c"],
    [relative("/a", "/ab"), "../ab"],
    [relative("/a", "/a"), ""],
    [relative("a/b", "a/c"), "../c"],
    [relative("/", "/a"), "a"],
  );
});

Deno.test("resolve() makes a path absolute", () => {
  gives(
    [resolve("/a", "b", "../c"), "/a/c"],
    [resolve("/a", "/b"), "/b"],
    [resolve("/a/"), "/a"],
    [resolve("a"), `${Deno.cwd()}/a`],
    [resolve(), Deno.cwd()],
  );
});

Deno.test("parse() and format() are each other's reverse", () => {
  const cases: Record<string, ParsedPath> = {
    "/a/b.c.ts": {
      root: "/",
      dir: "/a",
      base: "b.c.ts",
      ext: ".ts",
      name: "b.c",
    },
    "/a": { root: "/", dir: "/", base: "a", ext: "", name: "a" },
    "a/b": { root: "", dir: "a", base: "b", ext: "", name: "b" },
    "a.": { root: "", dir: "", base: "a.", ext: ".", name: "a" },
    ".a": { root: "", dir: "", base: ".a", ext: "", name: ".a" },
    "/": { root: "/", dir: "/", base: "/", ext: "", name: "" },
    "": { root: "", dir: "", base: "", ext: "", name: "" },
  };
  for (const [path, parsed] of Object.entries(cases)) {
    assertEquals(parse(path), parsed, path);
    assertEquals(format(parsed), path);
  }
  assertEquals(parse("a//b/").dir, "a");
});

Deno.test("format() prefers dir and base", () => {
  gives(
    [format({ root: "/", dir: "/a", base: "b", name: "c" }), "/a/b"],
    [format({ root: "/", base: "b" }), "/b"],
    [format({ dir: "/a", name: "b", ext: ".ts" }), "/a/b.ts"],
    [format({ name: "b", ext: "ts" }), "bts"],
    [format({ dir: "a" }), "a/"],
    [format({}), ""],
  );
  assertThrows(() => format(null as unknown as ParsedPath), TypeError);
});

Deno.test("fromFileUrl() gives the path of a file URL", () => {
  gives(
    [fromFileUrl("file:///a/b.ts"), "/a/b.ts"],
    [fromFileUrl(new URL("file:///a%20b/%C3%A9%23%3F")), "/a b/é#?"],
    [fromFileUrl("file:///a%25b"), "/a%b"],
    [fromFileUrl("file:///50%"), "/50%"],
    [fromFileUrl("file:///a%2Fb"), "/a/b"],
  );
  assertThrows(() => fromFileUrl("https://a/b"), TypeError, "file URL");
  assertThrows(() => fromFileUrl("/a/b"), TypeError);
});

Deno.test("toFileUrl() makes a URL that fromFileUrl() reads", () => {
  for (const path of ["/", "/a b", "/é#?", "/50%", "/a%20b", "/a\\b", "/a\n"]) {
    const url = toFileUrl(path);
    assertEquals(url.protocol, "file:");
    assertEquals(fromFileUrl(url), path);
  }
  assertEquals(toFileUrl("/a b#c?d%\te").href, "file:///a%20b%23c%3Fd%25%09e");
  assertThrows(() => toFileUrl("a/b"), TypeError, "absolute");
});
