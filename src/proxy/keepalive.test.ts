import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { createKeepalive, keepaliveBytes } from "./keepalive.ts";

describe("what is written", () => {
  const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

  test("into event streams is a comment, and a ping where Anthropic's clients wait for one", () => {
    expect(textOf(keepaliveBytes("openai", "text/event-stream; charset=utf-8"))).toBe(": keep-alive\n\n");
    expect(textOf(keepaliveBytes("anthropic", "text/event-stream"))).toBe(
      'event: ping\ndata: {"type": "ping"}\n\n',
    );
  });

  test("into anything else is nothing", () => {
    for (const contentType of ["application/x-ndjson", "application/json", null]) {
      expect(keepaliveBytes("ollama", contentType)).toBeUndefined();
      expect(keepaliveBytes("anthropic", contentType)).toBeUndefined();
    }
  });
});

function start() {
  const clock = createFakeClock();
  const writtenAt: number[] = [];
  const place = { isBoundary: true };
  const keepalive = createKeepalive({
    clock,
    intervalMs: 1000,
    isAtEventBoundary: () => place.isBoundary,
    onDue: () => writtenAt.push(clock.now()),
  });
  return { clock, writtenAt, place, keepalive };
}

describe("when it is written", () => {
  test("after each interval of waiting", () => {
    const { clock, writtenAt, keepalive } = start();
    keepalive.startWaiting();
    clock.advance(3500);
    expect(writtenAt).toEqual([1000, 2000, 3000]);
  });

  test("not while bytes come", () => {
    const { clock, writtenAt, keepalive } = start();
    for (let piece = 0; piece < 10; piece += 1) {
      keepalive.startWaiting();
      clock.advance(900);
      keepalive.endWaiting();
    }
    expect(writtenAt).toEqual([]);
    expect(clock.pendingTimers()).toBe(1);
  });

  test("an interval after the last bytes, not after the timer's own beat", () => {
    const { clock, writtenAt, keepalive } = start();
    keepalive.startWaiting();
    clock.advance(900);
    keepalive.endWaiting();
    keepalive.startWaiting();
    clock.advance(1000);
    expect(writtenAt).toEqual([1900]);
  });

  test("not while the client doesn't read, and without a timer meanwhile", () => {
    const { clock, writtenAt, keepalive } = start();
    keepalive.startWaiting();
    keepalive.endWaiting();
    clock.advance(5000);
    expect(writtenAt).toEqual([]);
    expect(clock.pendingTimers()).toBe(0);
    keepalive.startWaiting();
    clock.advance(1000);
    expect(writtenAt).toEqual([6000]);
  });

  test("never inside an event: the silence begins again", () => {
    const { clock, writtenAt, place, keepalive } = start();
    place.isBoundary = false;
    keepalive.startWaiting();
    clock.advance(1500);
    place.isBoundary = true;
    clock.advance(500);
    expect(writtenAt).toEqual([2000]);
  });

  test("never after it was stopped, even by what it writes, and no timer stays", () => {
    const { clock, writtenAt, keepalive } = start();
    keepalive.startWaiting();
    clock.advance(1000);
    keepalive.stop();
    keepalive.stop();
    keepalive.startWaiting();
    clock.advance(5000);
    expect(writtenAt).toEqual([1000]);
    expect(clock.pendingTimers()).toBe(0);
  });
});
