import { describe, expect, test } from "bun:test";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { systemClock } from "../lib/clock.ts";
import type { UpstreamAnswer } from "../proxy/attempt.ts";
import { judgeAnswer } from "./answer-judge.ts";
import { createFailoverPolicy } from "./failover-policy.ts";

const policy = createFailoverPolicy({
  enabled: true,
  onConnectionFailure: true,
  maxAttempts: 0,
  onStatus: [503],
  backoffMs: 0,
  maxBackoffMs: 0,
  jitter: 0,
  random: () => 0,
});

/** An answer of an attempt that notes whether it was untied from the client's request. */
function answerOf(response: Response): { answer: UpstreamAnswer; isDetached: () => boolean } {
  const controller = new AbortController();
  let isDetached = false;
  const endpoint = {
    name: "one",
    timeouts: { connectMs: 0, responseHeaderMs: 0, readMs: 0 },
  } as Partial<Endpoint> as Endpoint;
  const answer: UpstreamAnswer = {
    endpoint,
    response,
    startedAt: 0,
    headAt: 0,
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    noteFirstByte() {},
    detach() {
      isDetached = true;
    },
  };
  return { answer, isDetached: () => isDetached };
}

/** A body without a declared length. */
function chunked(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

const tooLong = "x".repeat(300 * 1024);
const missing = '{"error":{"message":"gone","code":"model_not_found"}}';

describe("an answer of which nothing is left to read is tied to nothing any more", () => {
  const answers: readonly (readonly [string, () => Response])[] = [
    ["a refusal without a declared length", () => new Response(chunked("busy"), { status: 503 })],
    ["a refusal too long to be kept", () => new Response(chunked(tooLong), { status: 503 })],
    [
      "a refusal that declares too much",
      () => new Response(chunked(tooLong), { status: 503, headers: { "content-length": "307200" } }),
    ],
    ["a refusal without a body", () => new Response(null, { status: 503 })],
    ["a missing model", () => new Response(chunked(missing), { status: 404 })],
    ["a missing page", () => new Response(chunked("no such page"), { status: 404 })],
  ];
  for (const [name, respond] of answers) {
    test(name, async () => {
      const { answer, isDetached } = answerOf(respond());
      await judgeAnswer(answer, {
        clock: systemClock,
        policy,
        dispatch: { upstreamPath: "/v1/chat/completions", mayLackPath: false, translated: undefined },
        peekMs: 1_000,
        mayFailOver: true,
      });
      expect(isDetached()).toBe(true);
    });
  }
});

test("a fault of ours before the first piece leaves no read behind, whose failure nobody would take", async () => {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull() {
        pulls += 1;
        return Promise.withResolvers<void>().promise;
      },
    },
    { highWaterMark: 0 },
  );
  const { answer } = answerOf(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  const judging = async () =>
    judgeAnswer(answer, {
      clock: {
        ...systemClock,
        deadline() {
          throw new Error("a fault");
        },
      },
      policy,
      dispatch: { upstreamPath: "/v1/chat/completions", mayLackPath: false, translated: undefined },
      peekMs: 1_000,
      mayFailOver: false,
    });
  await expect(judging()).rejects.toThrow("a fault");
  expect(pulls).toBe(0);
});
