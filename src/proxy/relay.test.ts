import { expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import type { OllaError } from "../errors.ts";
import { splitWrites } from "./delivery.ts";
import { type RelayEnd, relayStream } from "./relay.ts";

/** A relay whose endpoint has more and more to say. */
function relayOf(clock: ReturnType<typeof createFakeClock>) {
  const controller = new AbortController();
  const ends: RelayEnd[] = [];
  const stream = relayStream(
    {
      endpoint: sampleEndpoint({ name: "one" }),
      response: new Response(null),
      startedAt: 0,
      headAt: 0,
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      noteFirstByte() {},
      detach() {},
    },
    {
      reader: { read: async () => ({ done: false, value: new Uint8Array([0x61]) }) },
      chunks: [],
      watch: undefined,
      shaper: splitWrites(1024),
    },
    {
      clock,
      firstByteMs: 1_000,
      silenceMs: 1_000,
      keepalive: undefined,
      renderError: () => undefined,
      onEnd: (end) => ends.push(end),
    },
  );
  return {
    reader: stream.getReader(),
    ends,
    reason: () => controller.signal.reason as OllaError | undefined,
  };
}

test("a client may pause for longer than the endpoint may be silent, but not for ever", async () => {
  const clock = createFakeClock();
  const relay = relayOf(clock);
  await relay.reader.read();
  clock.advance(9 * 60_000);
  expect(relay.ends).toEqual([]);
  await relay.reader.read();
  clock.advance(9 * 60_000);
  expect(relay.ends).toEqual([]);
  clock.advance(2 * 60_000);
  expect(relay.reason()?.code).toBe("client_abort");
  expect(relay.ends.map(({ ending, bytes }) => [ending, bytes])).toEqual([["client-abort", 2]]);
  expect(clock.pendingTimers()).toBe(0);
});
