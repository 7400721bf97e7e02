import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { RecentFailures } from "./failure-share.ts";

function setUp() {
  const clock = createFakeClock();
  const history = new RecentFailures({ clock });
  const record = (outcomes: string) => {
    for (const outcome of outcomes) history.record("a", outcome === "x");
  };
  return { clock, history, record, isEjected: () => history.isEjected("a") };
}

describe("an endpoint is ejected", () => {
  test.each([
    ["when five requests of five failed", "xxxxx", true],
    ["not before the fifth", "xxxx", false],
    ["when three of five failed", ".x.xx", true],
    ["not when half of six failed", "...xxx", false],
    ["not for a failure now and then", "..x...x..x...x..x", false],
    ["not without any request", "", false],
  ] as const)("%s", (_case, outcomes, expected) => {
    const { record, isEjected } = setUp();
    record(outcomes);
    expect(isEjected()).toBe(expected);
  });

  test("within twenty failures, however long it was well before", () => {
    const { record, isEjected } = setUp();
    record(".".repeat(10_000));
    record("x".repeat(20));
    expect(isEjected()).toBe(true);
  });

  test("also when its requests are minutes apart", () => {
    const { clock, history, isEjected } = setUp();
    for (let request = 0; request < 5; request++) {
      clock.advance(120_000);
      history.record("a", true);
    }
    expect(isEjected()).toBe(true);
  });

  test("alone: others are not blamed", () => {
    const { history, record } = setUp();
    record("xxxxx");
    expect(history.isEjected("b")).toBe(false);
  });
});

describe("after an ejection", () => {
  test("each failed trial doubles the time, up to 30 s", () => {
    const { clock, record, isEjected } = setUp();
    record("xxxxx");
    const lengths: number[] = [];
    for (let round = 0; round < 8; round++) {
      let ms = 0;
      for (; isEjected(); ms += 500) clock.advance(500);
      lengths.push(ms);
      record("x");
    }
    expect(lengths).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("one request tries it, and the others are kept away until it is known how that ended", () => {
    const { clock, history, record, isEjected } = setUp();
    record("xxxxx");
    clock.advance(1000);
    expect(isEjected()).toBe(false);
    history.noteChosen("a");
    expect(isEjected()).toBe(true);
    record(".");
    expect(isEjected()).toBe(false);
  });

  test("a trial that nobody reports is given up, and the next one may come", () => {
    const { clock, history, record, isEjected } = setUp();
    record("xxxxx");
    clock.advance(1000);
    history.noteChosen("a");
    clock.advance(999);
    expect(isEjected()).toBe(true);
    clock.advance(1);
    expect(isEjected()).toBe(false);
  });

  test("a success brings it back in full: it takes five failures again, and 1 s", () => {
    const { clock, record, isEjected } = setUp();
    record("xxxxx");
    clock.advance(1000);
    record("x");
    clock.advance(2000);
    record(".");
    record("xxx");
    expect(isEjected()).toBe(false);
    record("xx");
    expect(isEjected()).toBe(true);
    clock.advance(1000);
    expect(isEjected()).toBe(false);
  });

  test("what ends while it lasts was sent before it: neither lifts nor lengthens it", () => {
    const { clock, record, isEjected } = setUp();
    record("xxxxx");
    clock.advance(500);
    record("..xx..xx");
    expect(isEjected()).toBe(true);
    clock.advance(500);
    expect(isEjected()).toBe(false);
  });
});

describe("memory", () => {
  test("after five minutes of silence nothing counts any more", () => {
    const { clock, record, isEjected } = setUp();
    record("xxxxxx");
    clock.advance(300_000);
    record("x");
    expect(isEjected()).toBe(false);
    record("xxxx");
    expect(isEjected()).toBe(true);
  });

  test("old failures fade in favour of new successes", () => {
    const { clock, record, isEjected } = setUp();
    record("xxxx");
    clock.advance(120_000);
    record("..x");
    expect(isEjected()).toBe(false);
  });

  test("an endpoint that went away, or is another one now, starts afresh", () => {
    const { history, record, isEjected } = setUp();
    record("xxxxx");
    history.retainEndpoints(["a"]);
    expect(isEjected()).toBe(true);
    history.retainEndpoints(["b"]);
    expect(isEjected()).toBe(false);
    record("xxxxx");
    history.forget("a");
    expect(isEjected()).toBe(false);
  });
});
