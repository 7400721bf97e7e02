import { expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { commitEarly, type EarlyCommit } from "./early-commit.ts";

function earlyCommit(clock = createFakeClock()): EarlyCommit {
  return {
    clock,
    intervalMs: 100,
    keepalive: new TextEncoder().encode(": still here\n\n"),
    headers: () => new Headers({ "Content-Type": "text/event-stream" }),
    renderError: () => undefined,
    errorEventName: undefined,
  };
}

test("an answer that comes after the client has left is let go, and no timer stays", async () => {
  const clock = createFakeClock();
  const answer = Promise.withResolvers<Response>();
  const committed = commitEarly(answer.promise, earlyCommit(clock));
  await clock.advanceAsync(100);
  const reader = (await committed).body?.getReader();
  await reader?.read();
  const waiting = reader?.read();
  const left = reader?.cancel();
  let isLetGo = false;
  const late = new ReadableStream<Uint8Array>({
    cancel() {
      isLetGo = true;
    },
  });
  answer.resolve(new Response(late, { headers: { "Content-Type": "text/event-stream" } }));
  await left;
  await waiting;
  expect(isLetGo).toBeTrue();
  expect(clock.pendingTimers()).toBe(0);
});
