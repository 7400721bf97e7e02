import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { historySeconds, isError, LiveRates } from "./live-rates.ts";
import type { LiveRequest } from "./live-requests.ts";
import type { Outcome } from "./outcome.ts";

function outcome(changes: Partial<Outcome> = {}): Outcome {
  return {
    route: "openai",
    status: 200,
    ending: "complete",
    isStream: false,
    durationMs: 10,
    attempts: [],
    ...changes,
  } as Outcome;
}

function underWay(receivedAt: number): LiveRequest {
  return { receivedAt } as LiveRequest;
}

describe("rates", () => {
  test("what ended within a second stands in that second", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    rates.record(outcome());
    rates.record(
      outcome({
        isStream: true,
        usage: { input_tokens: 7, output_tokens: 30 },
        milestones: { bodyMs: 0, inspectedMs: 0, routedMs: 1, firstSentMs: 120 },
      }),
    );
    clock.advance(1_000);
    rates.record(outcome({ status: 502, ending: "upstream-error" }));
    clock.advance(1_000);
    const history = rates.history(historySeconds);
    expect(history.requests).toEqual([2, 1]);
    expect(history.errors).toEqual([0, 1]);
    expect(history.input_tokens).toEqual([7, 0]);
    expect(history.output_tokens).toEqual([30, 0]);
    expect(history.ttft_sum_ms).toEqual([120, 0]);
    expect(history.ttft_count).toEqual([1, 0]);
  });

  test("the second under way is told when it is over", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    rates.record(outcome());
    expect(rates.history(10).requests).toEqual([]);
    clock.advance(1_000);
    expect(rates.history(10).requests).toEqual([1]);
  });

  test("seconds without a word were quiet, and what is five minutes old is gone", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    rates.record(outcome());
    clock.advance(3_000);
    expect(rates.history(10).requests).toEqual([1, 0, 0]);
    clock.advance(historySeconds * 1_000);
    const { requests } = rates.history(historySeconds);
    expect(requests).toHaveLength(historySeconds - 1);
    expect(requests.every((count) => count === 0)).toBe(true);
    clock.advance(86_400_000 * 3);
    rates.record(outcome());
    clock.advance(1_000);
    expect(rates.history(2).requests).toEqual([0, 1]);
  });

  test("a later answer goes on where the one before ended", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    clock.advance(5_000);
    const { first, from, requests } = rates.history(3);
    clock.advance(2_000);
    const later = rates.history(2);
    expect(later.first).toBe(first + requests.length);
    expect(later.from).toBe(from + 3_000);
  });

  test("a request is in flight in each second at whose end it was there", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    const startedAt = clock.now();
    clock.advance(2_500);
    rates.record(outcome({ durationMs: 2_500 }));
    rates.record(outcome({ durationMs: 100 }));
    clock.advance(1_500);
    expect(rates.history(10).in_flight).toEqual([1, 1, 0, 0]);
    expect(rates.history(10, [underWay(startedAt + 1_000)]).in_flight).toEqual([1, 2, 1, 1]);
    // Looking changes nothing.
    expect(rates.history(10).in_flight).toEqual([1, 1, 0, 0]);
  });

  test("a request that ran for hours fills what there is, and no more", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    clock.advance(10 * 3_600_000);
    rates.record(outcome({ durationMs: 9 * 3_600_000 }));
    clock.advance(1_000);
    const { in_flight } = rates.history(historySeconds);
    expect(in_flight.slice(0, -1).every((count) => count === 1)).toBe(true);
    expect(in_flight.at(-1)).toBe(0);
  });

  test("looks at Olla itself are no traffic", () => {
    const clock = createFakeClock();
    const rates = new LiveRates(clock);
    for (const route of ["internal", "ui", "models", "other"]) rates.record(outcome({ route }));
    clock.advance(1_000);
    expect(rates.history(1).requests).toEqual([0]);
  });
});

test("who left, or was sent away by an operator, is no error; a broken stream is", () => {
  expect(isError({ status: 499, ending: "client-abort" })).toBe(false);
  expect(isError({ status: 503, ending: "cancelled" })).toBe(false);
  expect(isError({ status: 200, ending: "complete" })).toBe(false);
  expect(isError({ status: 200, ending: "upstream-error" })).toBe(true);
  expect(isError({ status: 404, ending: "rejected" })).toBe(true);
});
