import { assert, assertEquals, assertThrows } from "@std/assert";
import { sampleAt, type Waveform, WAVEFORMS } from "@libc/ipc/device";
import { hasCommand } from "../../util.ts";

/** The triangle computed another way: as the arc sine of a sine. */
function triangle(time: number, period: number): number {
  return 2 / Math.PI * Math.asin(Math.sin(2 * Math.PI * time / period));
}

Deno.test("WAVEFORMS has the order of the C enum", () => {
  assertEquals(WAVEFORMS, ["SIN", "TRI", "QUA"]);
  assert(Object.isFrozen(WAVEFORMS));
});

Deno.test("sampleAt() has the known points of each waveform", () => {
  // Values at eighths of a period; 512·sin(π/4) is 362.04.
  const known: Record<Waveform, number[]> = {
    SIN: [0, 362, 512, 362, 0, -362, -512, -362, 0],
    TRI: [0, 256, 512, 256, 0, -256, -512, -256, 0],
    QUA: [512, 512, 512, 512, -512, -512, -512, -512, 512],
  };
  for (const waveform of WAVEFORMS) {
    for (const period of [1, 2, 0.5, 8]) {
      assertEquals(
        known[waveform].map((_, i) =>
          sampleAt(waveform, i * period / 8, period)
        ),
        known[waveform],
        `${waveform} ${period}`,
      );
    }
  }
});

Deno.test("sampleAt() truncates toward zero and has no negative zero", () => {
  // 512·sin(2π·0.05) is 158.2, on the other side -158.2.
  assertEquals(sampleAt("SIN", 0.1, 2), 158);
  assertEquals(sampleAt("SIN", 1.9, 2), -158);
  // 512·4·0.0001 is 0.2, -0.2 at the end of the period.
  for (const time of [0.0001, 0.9999]) {
    assert(Object.is(sampleAt("TRI", time, 1), 0), `${time}`);
    assert(Object.is(sampleAt("SIN", time, 10000), 0), `${time}`);
  }
  assert(Object.is(sampleAt("SIN", 2, 2), 0));
});

Deno.test("sampleAt() fills the scale of every resolution and no more", () => {
  for (let bits = 2; bits <= 31; bits++) {
    const full = 2 ** (bits - 1);
    assertEquals(sampleAt("SIN", 1, 4, bits), full);
    assertEquals(sampleAt("SIN", 3, 4, bits), -full);
    assertEquals(sampleAt("TRI", 1, 4, bits), full);
    assertEquals(sampleAt("TRI", 3, 4, bits), -full);
    assertEquals(sampleAt("QUA", 1, 4, bits), full);
    assertEquals(sampleAt("QUA", 3, 4, bits), -full);
  }
});

Deno.test("sampleAt() follows independent formulas at every time", () => {
  for (let k = 0; k < 20000; k++) {
    const time = k * 0.0173;
    const period = 0.7 + k % 13;
    const near = (value: number, exact: number) =>
      // An exact value may lie on either side of an integer by rounding.
      Math.abs(value - exact) < 1 + 1e-9 && Math.abs(value) <= 512;
    const phase = time / period - Math.floor(time / period);
    const sine = 512 * Math.sin(2 * Math.PI * phase);
    assert(near(sampleAt("SIN", time, period), sine), `SIN ${time}`);
    const tri = 512 * triangle(time, period);
    assert(near(sampleAt("TRI", time, period), tri), `TRI ${time}`);
    if (Math.abs(phase - 0.5) > 1e-9 && phase > 1e-9 && phase < 1 - 1e-9) {
      const square = phase < 0.5 ? 512 : -512;
      assertEquals(sampleAt("QUA", time, period), square, `QUA ${time}`);
    }
  }
});

Deno.test("sampleAt() refuses what it cannot mean", () => {
  const wrong: [string, () => number, string][] = [
    ["waveform", () => sampleAt("SAW" as Waveform, 0, 1), 'got "SAW"'],
    ["time", () => sampleAt("SIN", -1, 1), "got -1"],
    ["time", () => sampleAt("SIN", NaN, 1), "got NaN"],
    ["time", () => sampleAt("SIN", Infinity, 1), "got Infinity"],
    ["period", () => sampleAt("SIN", 0, 0), "got 0"],
    ["period", () => sampleAt("SIN", 0, NaN), "got NaN"],
    ["period", () => sampleAt("SIN", 0, Infinity), "got Infinity"],
    ["bits", () => sampleAt("SIN", 0, 1, 1), "got 1"],
    ["bits", () => sampleAt("SIN", 0, 1, 32), "got 32"],
    ["bits", () => sampleAt("SIN", 0, 1, 2.5), "got 2.5"],
  ];
  for (const [what, call, shown] of wrong) {
    const error = assertThrows(call, Error, shown);
    assert(error instanceof TypeError || error instanceof RangeError);
    assert(error.message.startsWith(what), error.message);
  }
});

Deno.test({
  name: "sampleAt() is what a C program computes" +
    (hasCommand("cc") ? "" : " [skipped: no cc]"),
  ignore: !hasCommand("cc"),
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const source = new URL("../../../examples/c/", import.meta.url).pathname;
      const binary = `${directory}/samples`;
      // The device's own function, without its main().
      await Deno.writeTextFile(
        `${directory}/samples.c`,
        `#define main device_main
#include "${source}wave_device.c"
#undef main
int main(void) {
  (void)device_main;
  for (int form = 0; form < 3; form++)
    for (int k = 0; k < 5000; k++)
      printf("%d\\n", sample(form, k * 0.0137, 0.9));
}
`,
      );
      await run("cc", [
        "-std=gnu11",
        "-O1",
        "-o",
        binary,
        `${directory}/samples.c`,
        "-lm",
      ]);
      const lines = (await run(binary, [])).trim().split("\n").map(Number);
      const ours = WAVEFORMS.flatMap((waveform) =>
        Array.from(
          { length: 5000 },
          (_, k) => sampleAt(waveform, k * 0.0137, 0.9),
        )
      );
      // The sine of another C library may differ in the last bit, and that
      // decides between two integers once in a very long time.
      const different = ours.filter((value, i) =>
        Math.abs(value - (lines[i] ?? NaN)) > 0
      );
      assertEquals(lines.length, ours.length);
      assert(different.length <= 1, `${different.length} differ`);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
