import { assert, assertEquals } from "@std/assert";
import {
  Header,
  HEADER_OFFSET,
  isCapacity,
  layoutHash,
  memorySize,
  RING_OFFSET,
  Slot,
  VERSION,
  Wave,
} from "../../../../ipc/device/memory/layout.ts";
import { hasCommand } from "../../../util.ts";
import { DEVICE_STATES, WAVEFORMS } from "@libc/ipc/device";

Deno.test("Wave is the 32 bytes that C programs know", () => {
  assertEquals(Wave.size, 32);
  assertEquals(Wave.offsets, {
    state: 0,
    waveform: 4,
    value: 8,
    time: 16,
    period: 24,
  });
});

Deno.test("Header lies behind the C struct and before the ring", () => {
  assert(HEADER_OFFSET >= Wave.size);
  assert(HEADER_OFFSET + Header.size <= RING_OFFSET);
  assertEquals(HEADER_OFFSET % Header.align, 0);
  assertEquals(RING_OFFSET % Slot.align, 0);
});

Deno.test("layoutHash() changes only together with VERSION", () => {
  // A new layout needs a new version and a new hash here: clients of both
  // versions may meet in one memory.
  assertEquals([VERSION, layoutHash()], [1, KNOWN_HASH]);
});

Deno.test("isCapacity() takes powers of two in the range only", () => {
  for (const good of [16, 32, 8192, 2 ** 20]) assert(isCapacity(good));
  for (const bad of [0, 1, 8, 17, 24, 2 ** 21, -16, 16.5, NaN, 2 ** 32]) {
    assert(!isCapacity(bad), `${bad}`);
  }
  assertEquals(memorySize(16), 256 + 16 * 32);
});

Deno.test({
  name: "Wave and the enums are those of wave.h" +
    (hasCommand("cc") ? "" : " [skipped: no cc]"),
  ignore: !hasCommand("cc"),
  async fn() {
    const header = new URL("../../../../examples/c/wave.h", import.meta.url);
    const directory = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(
        `${directory}/layout.c`,
        `#include "${header.pathname}"
#include <stdio.h>
#define FIELD(name) printf(#name " %zu %zu\\n", offsetof(struct wave, name), sizeof((struct wave *)0)->name)
int main(void) {
  FIELD(state); FIELD(waveform); FIELD(value); FIELD(time); FIELD(period);
  printf("size %zu\\n", sizeof(struct wave));
  for (int i = 0; wave_state_name(i); i++) printf("state %s\\n", wave_state_name(i));
  for (int i = 0; wave_form_name(i); i++) printf("form %s\\n", wave_form_name(i));
}
`,
      );
      const binary = `${directory}/layout`;
      await output("cc", ["-o", binary, `${directory}/layout.c`]);
      const { state, waveform, value, time, period } = Wave.offsets;
      assertEquals((await output(binary, [])).trim().split("\n"), [
        `state ${state} 4`,
        `waveform ${waveform} 4`,
        `value ${value} 4`,
        `time ${time} 8`,
        `period ${period} 8`,
        `size ${Wave.size}`,
        ...DEVICE_STATES.map((name) => `state ${name}`),
        ...WAVEFORMS.map((name) => `form ${name}`),
      ]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const KNOWN_HASH = 0xcf3358b3479baac0n;
