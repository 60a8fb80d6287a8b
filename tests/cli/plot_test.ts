import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { sampleAt } from "@libc/ipc/device";
import { drawChart, Trace } from "../../cli/chart.ts";
import { painter } from "../../cli/output.ts";
import {
  cut,
  defaultWindow,
  drawFrame,
  type PlotState,
} from "../../cli/plot.ts";

const CSI = String.fromCharCode(27) + "[";
const plain = painter(false);

function wave(waveform: "SIN" | "TRI" | "QUA", seconds = 4): Trace {
  const trace = new Trace();
  for (let i = 0; i <= seconds * 100; i++) {
    trace.push(i / 100, sampleAt(waveform, i / 100, 2, 10));
  }
  return trace;
}

function state(changes: Partial<PlotState> = {}): PlotState {
  return {
    title: "the title",
    state: "on",
    silent: false,
    waveform: "SIN",
    value: -123,
    time: 4,
    period: 2,
    interval: 0.01,
    bits: 10,
    rate: 100,
    lost: 0,
    window: 4,
    scale: 512,
    hint: "q quits",
    ...changes,
  };
}

Deno.test("drawFrame() shows that the device gives no sign of life", () => {
  const size = { columns: 60, rows: 10, paint: plain };
  const status = (changes: Partial<PlotState>) =>
    drawFrame(wave("SIN"), state(changes), size).at(-1) ?? "";
  assertStringIncludes(status({}), "● on ");
  assertStringIncludes(status({ silent: true }), "● silent ");
});

Deno.test("drawChart() fills exactly the given size", () => {
  for (const ascii of [false, true]) {
    for (const columns of [1, 2, 3, 40]) {
      for (const rows of [1, 2, 3, 10]) {
        const chart = drawChart(wave("SIN"), {
          columns,
          rows,
          window: 4,
          scale: 512,
          ascii,
        });
        assertEquals(chart.map(unicodeWidth), Array(rows).fill(columns));
      }
    }
  }
});

Deno.test("drawChart() draws a square wave with edges from top to bottom", () => {
  const chart = drawChart(wave("QUA"), {
    columns: 41,
    rows: 5,
    window: 4,
    scale: 512,
    ascii: true,
  });
  assertEquals(chart, [
    "***********         ***********         *",
    "          *         *         *         *",
    "----------*---------*---------*---------*",
    "          *         *         *         *",
    "          ***********         ***********",
  ]);
});

Deno.test("drawChart() shows the newest samples at the right edge", () => {
  const trace = new Trace();
  trace.push(0, -1);
  trace.push(1000, 1);
  trace.push(1001, 1);
  const chart = drawChart(trace, {
    columns: 10,
    rows: 3,
    window: 9,
    scale: 1,
    ascii: true,
  });
  // The line from the old sample, far to the left, ends at the new ones.
  assertEquals(chart[0], "**********");
});

Deno.test("drawChart() leaves a gap where samples were lost", () => {
  const options = { columns: 9, rows: 1, window: 8, scale: 1, ascii: true };
  const draw = (gap: boolean) => {
    const trace = new Trace();
    for (const time of [0, 1, 2]) trace.push(time, 0);
    for (const time of [6, 7, 8]) trace.push(time, 0, gap && time === 6);
    return drawChart(trace, options);
  };
  assertEquals(draw(true), ["***---***"]);
  assertEquals(draw(false), ["*********"]);
});

Deno.test("drawChart() draws nothing of nothing, and clips what is too great", () => {
  const options = { columns: 4, rows: 3, window: 4, scale: 1, ascii: true };
  assertEquals(drawChart(new Trace(), options), ["    ", "----", "    "]);
  const trace = new Trace();
  trace.push(0, 1e300);
  trace.push(4, -1e300);
  assertEquals(drawChart(trace, options)[0]?.startsWith("*"), true);
});

Deno.test("Trace thins out, forgets the oldest, and starts anew when time does", () => {
  const trace = new Trace();
  trace.spacing = 0.5;
  for (let i = 0; i <= 100; i++) trace.push(i / 100, i);
  assertEquals(trace.length, 3);
  trace.spacing = 0;
  for (let i = 0; i < 40_000; i++) trace.push(2 + i, i);
  assertEquals(trace.length, 1 << 14);
  let first = NaN;
  trace.forEach((time) =>
    first = Math.min(time, Number.isNaN(first) ? time : first)
  );
  assertEquals(first, 2 + 40_000 - (1 << 14));
  trace.push(1, 7);
  assertEquals([trace.length, trace.last], [1, 1]);
});

Deno.test("drawFrame() fits into every size and colours nothing when plain", () => {
  const trace = wave("SIN");
  for (let columns = 0; columns <= 90; columns++) {
    for (const rows of [0, 1, 2, 3, 5, 7, 8, 9, 24]) {
      const frame = drawFrame(trace, state(), { columns, rows, paint: plain });
      assert(frame.length <= rows, `${frame.length} lines in ${rows}`);
      for (const line of frame) {
        assert(unicodeWidth(line) <= columns, `${columns}: ${line}`);
        assert(!line.includes(CSI), line);
      }
    }
  }
});

Deno.test("drawFrame() draws a sine with its scale and its times", () => {
  const size = { columns: 60, rows: 12, paint: plain };
  assertEquals(drawFrame(wave("SIN"), state(), size), [
    "the title               period 2 s  interval 0.01 s  10 bits",
    " +512┤   ⢀⡴⠚⠉⠙⠲⣄                    ⢀⡴⠚⠉⠙⢦⡀                 ",
    "     │  ⣠⠏     ⠈⢧⡀                 ⡴⠋     ⠙⢦                ",
    "     │ ⡴⠃        ⠹⡄              ⢀⡞⠁       ⠈⢳⡀              ",
    "    0┤⡼⠁╌╌╌╌╌╌╌╌╌╌⠹⡄╌╌╌╌╌╌╌╌╌╌╌╌⢀⡞╌╌╌╌╌╌╌╌╌╌╌⢳⡀╌╌╌╌╌╌╌╌╌╌╌╌╌",
    "     │⠁            ⠙⣆          ⢠⠏             ⠹⡄          ⣰⠋",
    "     │              ⠘⣆        ⣠⠏               ⠹⣄        ⣰⠃ ",
    "     │               ⠈⢧⡀     ⡴⠃                 ⠘⢦⡀    ⢀⡼⠁  ",
    " -512┤                 ⠙⠦⣄⣀⡤⠞⠁                    ⠳⢤⣀⣠⠴⠋    ",
    "     └──────────────────────────────────────────────────────",
    "      -4 s                                               4 s",
    "● on  -123  4.00 s  SIN  100.0/s  lost 0             q quits",
  ]);
});

Deno.test("drawFrame() shows the figures, and how many samples were lost", () => {
  const frame = drawFrame(wave("SIN"), state({ lost: 7, state: "paused" }), {
    columns: 90,
    rows: 24,
    paint: plain,
  });
  assertEquals(frame.length, 24);
  assertStringIncludes(frame[0] ?? "", "the title");
  assertStringIncludes(frame[0] ?? "", "period 2 s  interval 0.01 s  10 bits");
  assert(frame[1]?.startsWith(" +512"), frame[1]);
  assertEquals(
    frame.at(-1)?.replace(/ {3,}/, " … "),
    "● paused  -123  4.00 s  SIN  100.0/s  lost 7 … q quits",
  );
});

Deno.test("drawFrame() with ascii uses nothing else", () => {
  const text = drawFrame(wave("TRI"), state(), {
    columns: 80,
    rows: 20,
    paint: plain,
    ascii: true,
  }).join("");
  assertEquals(text.replace(/[\x20-\x7e]/g, ""), "");
});

Deno.test("drawFrame() colours when it may, without a change of the text", () => {
  const options = { columns: 60, rows: 12 };
  const coloured = drawFrame(wave("SIN"), state(), {
    ...options,
    paint: painter(true),
  }).join("\n");
  assertStringIncludes(coloured, `${CSI}32m● on${CSI}m`);
  assertEquals(
    coloured.split(CSI).map((part, i) => i ? part.replace(/^\d*m/, "") : part)
      .join(""),
    drawFrame(wave("SIN"), state(), { ...options, paint: plain }).join("\n"),
  );
});

Deno.test("cut() never splits a wide character", () => {
  assertEquals(cut("ab共有", 3), "ab");
  assertEquals(cut("ab共有", 4), "ab共");
  assertEquals(cut("ab", 5), "ab");
});

Deno.test("defaultWindow() shows two periods, within what moves and what has samples", () => {
  assertEquals(defaultWindow(2, 0.01), 4);
  assertEquals(defaultWindow(3600, 0.1), 60);
  assertEquals(defaultWindow(0.001, 0.1), 4);
});
