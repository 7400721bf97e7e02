import { expect, test } from "bun:test";
import { type FleetView, readFleet } from "./fleet-view.ts";
import { RateWindow } from "./rate-window.ts";

function fleet(requests: number, tokens: number, failures = 0, startTime = "one"): FleetView {
  const system = {
    start_time: startTime,
    total_requests: requests,
    total_failures: failures,
    tokens: { input: 0, output: tokens },
  };
  return readFleet({ status: { system }, endpoints: {}, models: {} });
}

test("the first look is no rate, the second one is", () => {
  const window = new RateWindow(10_000);
  expect(window.add(fleet(10, 100), 0)).toBeUndefined();
  expect(window.add(fleet(14, 300, 1), 2_000)).toEqual({
    requests: 2,
    tokens: 100,
    errors: 0.5,
    overMs: 2_000,
  });
});

test("rates are of the last seconds only", () => {
  const window = new RateWindow(10_000);
  for (let second = 0; second <= 20; second += 2)
    window.add(fleet(second < 10 ? second * 50 : 500, 0), second * 1_000);
  expect(window.add(fleet(510, 0), 22_000)).toEqual({ requests: 1, tokens: 0, errors: 0, overMs: 10_000 });
});

test("a restart begins anew, and an endpoint that went is no negative rate", () => {
  const window = new RateWindow(10_000);
  window.add(fleet(100, 1_000), 0);
  expect(window.add(fleet(3, 10, 0, "two"), 2_000)).toBeUndefined();
  expect(window.add(fleet(5, 5, 0, "two"), 4_000)).toMatchObject({ requests: 1, tokens: 0 });
});
