import { describe, expect, test } from "bun:test";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import { Feed } from "./feed.ts";

interface TestFeed {
  readonly feed: Feed;
  readonly clock: FakeClock;
  /** Whether details were wanted, as often as that was said. */
  readonly wanted: boolean[];
  ticks(): number;
}

function createFeed(maxListeners?: number): TestFeed {
  const clock = createFakeClock();
  const wanted: boolean[] = [];
  let ticks = 0;
  const feed = new Feed({
    clock,
    ...(maxListeners !== undefined && { maxListeners }),
    content: {
      hello: (isAdmin) => ({ hello: isAdmin }),
      tick() {
        ticks += 1;
        return { tick: ticks };
      },
      details: () => ({ secret: true }),
      wantDetails: (areWanted) => wanted.push(areWanted),
    },
  });
  return { feed, clock, wanted, ticks: () => ticks };
}

function readerOf(
  feed: Feed,
  isAdmin: boolean,
): { next(): Promise<string | undefined>; leave(): Promise<void> } {
  const reader = feed.listen(isAdmin)?.getReader();
  if (reader === undefined) throw new Error("the feed takes nobody");
  const decoder = new TextDecoder();
  return {
    async next() {
      const { value } = await reader.read();
      return value === undefined ? undefined : decoder.decode(value);
    },
    leave: () => reader.cancel(),
  };
}

describe("the feed", () => {
  test("begins with hello and ticks once a second, details only for those who may see them", async () => {
    const { feed, clock } = createFeed();
    const admin = readerOf(feed, true);
    const other = readerOf(feed, false);
    expect(await admin.next()).toBe('event: hello\ndata: {"hello":true}\n\n');
    expect(await other.next()).toBe('event: hello\ndata: {"hello":false}\n\n');
    clock.advance(1_000);
    expect(await admin.next()).toBe('event: tick\ndata: {"tick":1,"secret":true}\n\n');
    expect(await other.next()).toBe('event: tick\ndata: {"tick":1}\n\n');
  });

  test("no timer runs while nobody listens", async () => {
    const { feed, clock, ticks } = createFeed();
    clock.advance(5_000);
    expect(ticks()).toBe(0);
    const reader = readerOf(feed, false);
    clock.advance(2_000);
    expect(ticks()).toBe(2);
    await reader.leave();
    expect(feed.listenerCount).toBe(0);
    clock.advance(5_000);
    expect(ticks()).toBe(2);
  });

  test("one ticker serves all, and details are wanted as long as somebody may see them", async () => {
    const { feed, clock, wanted, ticks } = createFeed();
    const admin = readerOf(feed, true);
    const other = readerOf(feed, false);
    clock.advance(1_000);
    expect(ticks()).toBe(1);
    expect(wanted).toEqual([true]);
    await admin.leave();
    expect(wanted).toEqual([true, false]);
    expect(feed.listenerCount).toBe(1);
    await other.leave();
  });

  test("who does not keep up gets the latest, after the first", async () => {
    const { feed, clock } = createFeed();
    const slow = readerOf(feed, false);
    clock.advance(3_000);
    expect(await slow.next()).toStartWith("event: hello");
    clock.advance(3_000);
    expect(await slow.next()).toContain('"tick":6');
  });

  test("who takes nothing for half a minute is let go", () => {
    const { feed, clock } = createFeed();
    readerOf(feed, false);
    clock.advance(30_000);
    expect(feed.listenerCount).toBe(1);
    clock.advance(2_000);
    expect(feed.listenerCount).toBe(0);
  });

  test("takes so many and no more, and one again when one has gone", async () => {
    const { feed } = createFeed(2);
    const first = readerOf(feed, false);
    readerOf(feed, false);
    expect(feed.listen(false)).toBeUndefined();
    await first.leave();
    expect(feed.listen(false)).toBeDefined();
  });

  test("ends every stream when Olla stops, and takes nobody after that", async () => {
    const { feed, clock, ticks } = createFeed();
    const reader = readerOf(feed, false);
    await reader.next();
    const last = reader.next();
    feed.end();
    expect(await last).toBeUndefined();
    expect(feed.listen(true)).toBeUndefined();
    clock.advance(3_000);
    expect(ticks()).toBe(0);
  });
});
