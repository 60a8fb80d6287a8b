import { assertEquals } from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";

const log: string[] = [];

beforeAll(() => {
  log.push("beforeAll");
});

beforeEach(() => {
  log.push("beforeEach");
});

afterAll(() => {
  assertEquals(log, ["beforeAll", "beforeEach", "a", "beforeEach", "b"]);
});

it("hooks outside of suites are for each test", () => {
  assertEquals(log, ["beforeAll", "beforeEach"]);
  log.push("a");
});

describe("hooks outside of suites", () => {
  it("are for suites as well", () => {
    assertEquals(log, ["beforeAll", "beforeEach", "a", "beforeEach"]);
    log.push("b");
  });
});
