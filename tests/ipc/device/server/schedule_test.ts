import { assertAlmostEquals, assertEquals } from "@std/assert";
import { Meter, Schedule } from "../../../../ipc/device/server/schedule.ts";

/** Device times of the samples that are due. */
function take(schedule: Schedule, now: number): number[] {
  return Array.from({ length: schedule.due(now) }, () => schedule.advance());
}

Deno.test("Schedule gives the first sample at once and then one each interval", () => {
  const schedule = new Schedule(0.1, 1000);
  assertEquals(take(schedule, 0), []);
  schedule.start(5000);
  assertEquals(take(schedule, 5000), [0]);
  assertEquals(take(schedule, 5099), []);
  assertEquals(schedule.delay(5099), 1);
  assertEquals(take(schedule, 5100), [0.1]);
  assertEquals(take(schedule, 5450), [0.2, 3 * 0.1, 0.4]);
});

Deno.test("Schedule adds up no rounding: sample k is at k intervals", () => {
  const schedule = new Schedule(0.1, 1e6);
  schedule.start(0);
  const times = take(schedule, 100_000);
  assertEquals(times.length, 1001);
  assertEquals(times[1000], 1000 * 0.1);
  assertEquals(times[7], 7 * 0.1);
});

Deno.test("Schedule makes up for a delay with all the samples it missed", () => {
  const schedule = new Schedule(0.001, 4096);
  schedule.start(0);
  assertEquals(take(schedule, 0).length, 1);
  assertEquals(take(schedule, 3000).length, 3000);
  assertEquals(schedule.skipped, 0);
});

Deno.test("Schedule leaves out what is more than the limit and says so", () => {
  const schedule = new Schedule(0.001, 8);
  schedule.start(0);
  assertEquals(take(schedule, 0).length, 1);
  const late = take(schedule, 100);
  assertEquals(late.length, 8);
  assertEquals(schedule.skipped, 92);
  // Device time goes on without a gap.
  assertAlmostEquals(late[0] ?? NaN, 0.001);
  assertEquals(take(schedule, 100).length, 0);
  assertEquals(take(schedule, 101).length, 1);
});

Deno.test("Schedule stands still while it is stopped", () => {
  const schedule = new Schedule(1, 1000);
  schedule.start(0);
  assertEquals(take(schedule, 0), [0]);
  schedule.stop(400);
  assertEquals(take(schedule, 9000), []);
  schedule.start(10_000);
  assertEquals(take(schedule, 10_599), []);
  assertEquals(take(schedule, 10_600), [1]);
});

Deno.test("Schedule.change() counts from the newest sample on", () => {
  const schedule = new Schedule(0.5, 1000);
  schedule.start(0);
  assertEquals(take(schedule, 1000), [0, 0.5, 1]);
  schedule.stop(1000);
  schedule.change(0.1);
  schedule.start(1000);
  assertEquals(take(schedule, 1099), []);
  assertEquals(take(schedule, 1201), [1.1, 1.2]);
  schedule.stop(1201);
  // A longer interval does not move the sample that is already scheduled.
  schedule.change(10);
  schedule.start(1201);
  assertEquals(take(schedule, 1299), []);
  assertEquals(take(schedule, 1301), [11.2]);
});

Deno.test("Schedule.change() before the first sample leaves that at zero", () => {
  const schedule = new Schedule(0.5, 1000);
  schedule.change(0.25);
  schedule.start(0);
  assertEquals(take(schedule, 500), [0, 0.25, 0.5]);
});

Deno.test("Meter counts samples by time, without pauses", () => {
  const meter = new Meter();
  meter.add(1, 0);
  assertEquals([meter.rate, meter.average, meter.seconds], [0, 0, 0]);
  for (let i = 1; i <= 30; i++) meter.add(1, i * 100);
  assertAlmostEquals(meter.rate, 10);
  meter.pause();
  meter.add(1, 1_000_000);
  for (let i = 1; i <= 20; i++) meter.add(2, 1_000_000 + i * 100);
  assertAlmostEquals(meter.rate, 20);
  assertAlmostEquals(meter.seconds, 5);
  assertAlmostEquals(meter.average, 70 / 5);
});
