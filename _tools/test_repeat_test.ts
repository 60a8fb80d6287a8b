import { assertEquals } from "@std/assert";
import { parse, table } from "./test_repeat.ts";

Deno.test("test:repeat takes a number, --load, and what deno test takes", () => {
  assertEquals(parse(["3"]), { runs: 3, load: false, args: [] });
  assertEquals(parse(["12", "--load", "tests/cli", "--filter=a"]), {
    runs: 12,
    load: true,
    args: ["tests/cli", "--filter=a"],
  });
  assertEquals(parse(["--load", "2"]), { runs: 2, load: true, args: [] });
});

Deno.test("test:repeat refuses what is no positive number, and helps", () => {
  const wrong = [
    [],
    ["0"],
    ["-1"],
    ["1.5"],
    ["1e3"],
    ["tests/cli"],
    [
      "tests/cli",
      "3",
    ],
    ["--load"],
    ["--help"],
    ["3", "--help"],
  ];
  for (const given of wrong) assertEquals(parse(given), undefined);
});

Deno.test("test:repeat ends with a table of runs and of failures", () => {
  const good = { counts: "2 passed, 0 failed", seconds: 1.234, failed: [] };
  const bad = (...failed: string[]) => ({
    counts: `1 passed, ${failed.length} failed`,
    seconds: 2,
    failed,
  });
  assertEquals(
    table([
      good,
      bad("b => x_test.ts"),
      bad("a => x_test.ts", "b => x_test.ts"),
    ]),
    [
      "run 1: 2 passed, 0 failed, 1.2 s",
      "run 2: 1 passed, 1 failed, 2.0 s",
      "run 3: 1 passed, 2 failed, 2.0 s",
      "2 of 3: b => x_test.ts",
      "1 of 3: a => x_test.ts",
    ],
  );
});
