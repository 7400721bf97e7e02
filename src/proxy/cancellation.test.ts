import { expect, test } from "bun:test";
import type { OllaError } from "../errors.ts";
import { Cancellation } from "./cancellation.ts";

test("what is under way hears of it once, and what has ended does not", () => {
  const cancellation = new Cancellation();
  const heard: string[] = [];
  const named = (name: string) => ({
    abort: (reason: OllaError) => void heard.push(`${name}: ${reason.code}`),
  });
  const queue = named("queue");
  cancellation.begin(queue);
  cancellation.end(queue);
  cancellation.begin(named("attempt"));
  // Late, and for something that has no say any more.
  cancellation.end(queue);
  expect(cancellation.reason).toBeUndefined();
  cancellation.throwIfCancelled();
  cancellation.cancel();
  cancellation.cancel();
  expect(heard).toEqual(["attempt: cancelled"]);
  expect(() => cancellation.throwIfCancelled()).toThrow("cancelled the request");
});

test("what begins after the end hears of it at once", () => {
  const cancellation = new Cancellation();
  cancellation.cancel();
  const heard: unknown[] = [];
  cancellation.begin({ abort: (reason) => heard.push(reason) });
  expect(heard).toEqual([cancellation.reason]);
});
