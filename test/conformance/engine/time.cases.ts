import { expect } from "bun:test";
import { openBlackHole } from "../../support/black-hole.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { collectSse } from "../../support/read-sse.ts";
import {
  type answerJson,
  completionOf,
  hangAfterTokens,
  hangBeforeHead,
  sseToken,
  TokenStream,
} from "../../support/upstream-behaviours.ts";
import { waitUntil, within } from "../../support/wait-until.ts";
import {
  type EngineCase,
  endpointAt,
  endpointOf,
  first,
  post,
  second,
  streamingChat,
  systemStatus,
} from "./engine-case.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds that an upstream takes before it answers, in tests of limits shorter than that. */
function answerAfter(ms: number) {
  return async (exchange: Parameters<ReturnType<typeof answerJson>>[0]): Promise<void> => {
    await pause(ms);
    await exchange.respondJson(completionOf("late"));
  };
}

export const timeCases: readonly EngineCase[] = [
  {
    name: "an endpoint's own response_header_timeout outranks the global one, shorter or longer",
    async run(harness) {
      await using slow = new FakeUpstream({ behave: answerAfter(500) });
      await using strict = await harness.start({
        endpoints: [endpointOf(slow, "one", { response_header_timeout: "150ms" })],
      });
      expect((await post(strict)).status).toBe(504);
      await using patient = await harness.start({
        endpoints: [endpointOf(slow, "one", { response_header_timeout: "10s" })],
        proxy: { response_header_timeout: "150ms" },
      });
      expect((await post(patient)).status).toBe(200);
    },
  },
  {
    name: "response_header_timeout covers the first byte of the body, not only the head",
    async run(harness) {
      await using upstream = new FakeUpstream({
        behave: (exchange) => exchange.startChunked(200, { "Content-Type": "text/event-stream" }),
      });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one", { response_header_timeout: "200ms" })],
      });
      const answer = await within(post(olla, streamingChat), 3_000, "an answer comes");
      const text = await answer.text();
      if (answer.status === 200) expect(text).toContain('"error"');
      else expect(answer.status).toBe(504);
      await within((await upstream.exchange()).gone, 1_000, "the upstream connection is closed");
    },
  },
  {
    name: "an endpoint's own read_timeout outranks the global one, shorter or longer",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
      await using strict = await harness.start({
        endpoints: [endpointOf(upstream, "one", { read_timeout: "150ms" })],
      });
      const cut = await within(
        post(strict, streamingChat).then((answer) => answer.text()),
        3_000,
        "the stream ends",
      );
      expect(cut).toContain('"error"');
      await within((await upstream.exchange()).gone, 1_000, "the upstream connection is closed");

      upstream.behave = async (exchange) => {
        const stream = await TokenStream.start(exchange);
        await stream.push("alpha");
        await pause(500);
        await stream.end();
      };
      await using patient = await harness.start({
        endpoints: [endpointOf(upstream, "one", { read_timeout: "10s" })],
        proxy: { read_timeout: "150ms" },
      });
      const whole = await collectSse((await post(patient, streamingChat)).body);
      expect(whole.events.at(-1)?.data).toBe("[DONE]");
    },
  },
  {
    name: "an endpoint's own connection_timeout outranks the global one",
    async run(harness) {
      using hole = await openBlackHole();
      await using alive = new FakeUpstream();
      const dark = endpointAt(hole.url, alive, "dark", { ...first, connection_timeout: "200ms" });
      await using olla = await harness.start({
        endpoints: [dark, endpointOf(alive, "alive", second)],
        proxy: { connection_timeout: "20s" },
      });
      const askedAt = performance.now();
      const answer = await post(olla);
      expect(answer.status).toBe(200);
      expect(performance.now() - askedAt).toBeLessThan(2_000);
    },
  },
  {
    name: "response_timeout ends an answer that goes on for too long, visibly, however busy it is",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          const stream = await TokenStream.start(exchange);
          let isGone = false;
          exchange.gone.then(
            () => {
              isGone = true;
            },
            () => {},
          );
          while (!isGone) {
            await stream.push("token");
            await pause(20);
          }
        },
      });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { response_timeout: "400ms" },
      });
      const askedAt = performance.now();
      const text = await within(
        post(olla, streamingChat).then((answer) => answer.text()),
        5_000,
        "the stream ends",
      );
      expect(performance.now() - askedAt).toBeWithin(350, 2_500);
      expect(text).toStartWith(sseToken("token"));
      expect(text).toContain('"error"');
      expect(text).not.toContain("[DONE]");
      await within((await upstream.exchange()).gone, 1_000, "the upstream connection is closed");
    },
  },
  {
    name: "X-Olla-Response-Time is the total time of an answer sent whole, and the time to the head of a stream",
    async run(harness) {
      await using whole = new FakeUpstream({
        async behave(exchange) {
          await exchange.head(200, { "Content-Type": "application/json", "Content-Length": "7" });
          await pause(400);
          await exchange.write('{"a":1}');
          exchange.finish();
        },
      });
      await using stream = new FakeUpstream({
        async behave(exchange) {
          const tokens = await TokenStream.start(exchange);
          await tokens.push("token");
          await pause(400);
          await tokens.end();
        },
      });
      const took = async (upstream: FakeUpstream, body?: string): Promise<number> => {
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await post(olla, body);
        await answer.text();
        return Number.parseInt(answer.headers.get("x-olla-response-time") ?? "", 10);
      };
      expect(await took(whole)).toBeWithin(350, 2_000);
      expect(await took(stream, streamingChat)).toBeLessThan(350);
    },
  },
  {
    name: "response_timeout ends an answer that never begins",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangBeforeHead });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { response_timeout: "300ms" },
      });
      const answer = await within(post(olla), 3_000, "an answer comes");
      expect(answer.status).toBe(504);
      await within((await upstream.exchange()).gone, 1_000, "the upstream connection is closed");
    },
  },
  {
    name: "a client that reads slowly is not the endpoint's silence",
    async run(harness) {
      const piece = "y".repeat(256 * 1024);
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "application/octet-stream" });
          for (let count = 0; count < 64; count += 1) await exchange.chunk(piece);
          await exchange.endChunked();
        },
      });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { read_timeout: "250ms", profile: "streaming" },
      });
      const answer = await post(olla, streamingChat);
      // Longer than the limit, with data waiting on the way.
      await pause(700);
      expect((await answer.bytes()).length).toBe(64 * piece.length);
      await waitUntil(async () => (await systemStatus(olla)).total_requests === 1);
      expect((await systemStatus(olla)).total_failures).toBe(0);
    },
  },
];
