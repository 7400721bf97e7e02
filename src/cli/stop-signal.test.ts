import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { listenForStop } from "./stop-signal.ts";

function start(isUnderPackageManager: boolean) {
  const source = new EventEmitter();
  const state = { now: 0, seconds: 0 };
  const request = listenForStop(source, {
    onSecond: () => {
      state.seconds++;
    },
    now: () => state.now,
    isUnderPackageManager,
  });
  return { source, state, request };
}

test("the first signal is a wish to stop, the second an order", async () => {
  const { source, state, request } = start(false);
  source.emit("SIGTERM");
  expect(await request.received).toBe("SIGTERM");
  expect(state.seconds).toBe(0);
  source.emit("SIGINT");
  expect(state.seconds).toBe(1);
});

test("under a package manager the echo of one Ctrl-C is not a second one", () => {
  const { source, state } = start(true);
  source.emit("SIGINT");
  state.now = 20;
  source.emit("SIGINT");
  expect(state.seconds).toBe(0);
  state.now = 1000;
  source.emit("SIGINT");
  expect(state.seconds).toBe(1);
});

test("a released program leaves signals to the system", () => {
  const { source, request } = start(false);
  request.release();
  expect(source.listenerCount("SIGINT") + source.listenerCount("SIGTERM")).toBe(0);
});
