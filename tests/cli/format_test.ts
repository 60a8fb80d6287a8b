import { assertEquals } from "@std/assert";
import type { Reading, RunSummary } from "@libc/ipc/device";
import {
  decimalsOf,
  keyText,
  placeText,
  rateText,
  readingCsv,
  readingCsvHeader,
  readingJson,
  readingLine,
  summaryLine,
  summaryNotes,
} from "../../cli/format.ts";
import { csvLine, painter, printable } from "../../cli/output.ts";

const READING: Reading = {
  state: "on",
  waveform: "TRI",
  value: -158,
  time: 1.9,
  period: 2,
  sequence: 19,
};

Deno.test("readingLine() aligns and rounds to the digits of the interval", () => {
  assertEquals(
    readingLine({ ...READING, time: 1.9000000000000001 }, 1, painter(false)),
    "         1.9        -158  on           TRI   2",
  );
});

Deno.test("readingCsv() and its header have the same number of fields", () => {
  assertEquals(
    readingCsvHeader(false),
    "time,value,state,waveform,period,sequence",
  );
  assertEquals(readingCsv(READING), "1.9,-158,on,TRI,2,19");
  assertEquals(
    readingCsv({ ...READING, time: 2.3000000000000003 }).split(",")[0],
    "2.3",
  );
  assertEquals(readingCsvHeader(true).split(",").at(-1), "lost");
  assertEquals(
    readingCsv({ ...READING, sequence: undefined }, 3),
    "1.9,-158,on,TRI,2,,3",
  );
});

Deno.test("readingJson() has all fields, also those that are not known", () => {
  assertEquals(readingJson({ ...READING, sequence: undefined }), {
    state: "on",
    waveform: "TRI",
    value: -158,
    time: 1.9,
    period: 2,
    sequence: null,
  });
  assertEquals(readingJson(READING, 0)["lost"], 0);
});

Deno.test("csvLine() quotes where it must", () => {
  assertEquals(
    csvLine(["a,b", 'say "x"', "l\nm", undefined, 1.5]),
    '"a,b","say ""x""","l\nm",,1.5',
  );
});

Deno.test("printable() takes the power of escape sequences", () => {
  assertEquals(printable("a\x1b[2Jb\x9bc\0\r\td\n"), "a?[2Jb?c??\td\n");
});

Deno.test("decimalsOf() counts the digits that an interval needs", () => {
  assertEquals(
    [1, 0.1, 0.25, 0.001, 0.0001, 1e-6, 1 / 3, undefined].map(decimalsOf),
    [0, 1, 2, 3, 4, 6, 6, 3],
  );
});

Deno.test("keyText(), rateText() and placeText() read well", () => {
  assertEquals(keyText(-1), "0xffffffff");
  assertEquals(keyText(0x78), "0x00000078");
  assertEquals([0, 9.99349, 100, 12345.6].map(rateText), [
    "0",
    "9.993",
    "100",
    "12346",
  ]);
  assertEquals(
    placeText({ path: "/tmp/../tmp", projectId: 5 }),
    "/tmp, project 0x5",
  );
});

Deno.test("summaryLine() compares rates only when that makes sense", () => {
  const summary: RunSummary = {
    reason: "exit",
    samples: 1,
    seconds: 2,
    rate: 0.5,
    nominalRate: 10,
    skipped: 0,
    commands: 2,
    malformed: 0,
    lockOverruns: 0,
  };
  assertEquals(
    summaryLine(summary, 10),
    "off: 1 sample in 2.0 s, 0.5 a second (10 asked), 2 commands",
  );
  assertEquals(
    summaryLine(summary, 100),
    "off: 1 sample in 2.0 s, 0.5 a second, 2 commands",
  );
  assertEquals(summaryNotes(summary), []);
  assertEquals(
    summaryNotes({
      ...summary,
      reason: "removed",
      skipped: 1,
      malformed: 2,
      lockOverruns: 1,
    }).length,
    4,
  );
});
