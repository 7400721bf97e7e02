import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import { collectSse, readSse, type SseEvent } from "../../support/read-sse.ts";
import type { Exchange } from "../../support/socket-server.ts";
import {
  claimLength,
  hangAfterTokens,
  hangBeforeHead,
  sseToken,
  TokenStream,
} from "../../support/upstream-behaviours.ts";
import { waitUntilSettled, within } from "../../support/wait-until.ts";
import { chatPath, type EngineCase, type EngineHarness, endpointOf, streamingChat } from "./engine-case.ts";

const mebibyte = 1024 * 1024;

/** Starts a stream through Olla and hands over both ends of it. */
async function openStream(harness: EngineHarness, headers?: Readonly<Record<string, string>>) {
  const started = Promise.withResolvers<TokenStream>();
  const upstream = new FakeUpstream({
    async behave(exchange: Exchange) {
      started.resolve(await TokenStream.start(exchange, headers));
    },
  });
  const olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
  const answer = fetch(`${olla.url}${chatPath}`, { method: "POST", body: streamingChat });
  const tokens = await within(started.promise, 5_000, "the upstream starts its stream");
  return {
    upstream,
    tokens,
    answer,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await olla[Symbol.asyncDispose]();
    },
  };
}

function errorEvents(events: readonly { data: string }[]): unknown[] {
  return events
    .filter(({ data }) => data.startsWith("{") && "error" in JSON.parse(data))
    .map(({ data }) => JSON.parse(data));
}

/** How a broken event stream ends for the client: one error event of ours that names no address, no end mark. */
async function expectVisibleEnd(rest: AsyncGenerator<SseEvent>): Promise<void> {
  const events: SseEvent[] = [];
  const gather = async (): Promise<void> => {
    for await (const event of rest) events.push(event);
  };
  await within(gather(), 5_000, "the broken stream ends");
  const text = events.map(({ data }) => data).join("\n");
  expect(errorEvents(events).length).toBe(1);
  expect(text).not.toContain("127.0.0.1");
  expect(text).not.toContain("[DONE]");
}

export const streamingCases: readonly EngineCase[] = [
  {
    name: "every token is with the client before the upstream sends the next one",
    async run(harness) {
      await using stream = await openStream(harness);
      await stream.tokens.push("token-0");
      const answer = await within(stream.answer, 1_000, "the head arrives with the first token");
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
      const events = readSse(answer.body);
      for (let index = 0; index < 20; index += 1) {
        const event = await within(events.next(), 1_000, `token ${index} arrives before the next is sent`);
        expect(event.value?.data).toContain(`token-${index}`);
        await stream.tokens.push(`token-${index + 1}`);
      }
      await events.next();
      await stream.tokens.end();
      expect((await events.next()).value?.data).toBe("[DONE]");
      expect((await events.next()).done).toBe(true);
    },
  },
  {
    name: "newline-delimited JSON arrives line by line",
    async run(harness) {
      await using stream = await openStream(harness, { "Content-Type": "application/x-ndjson" });
      await stream.tokens.pushLine({ part: 0 });
      const answer = await within(stream.answer, 1_000, "the head arrives with the first line");
      if (answer.body === null) throw new Error("no body");
      const reader = answer.body.getReader();
      for (let part = 0; part < 5; part += 1) {
        const piece = await within(reader.read(), 1_000, `line ${part} arrives before the next is sent`);
        expect(Buffer.from(piece.value ?? []).toString()).toBe(`{"part":${part}}\n`);
        await stream.tokens.pushLine({ part: part + 1 });
      }
      await reader.cancel();
    },
  },
  ...(["reset", "truncate"] as const).map(
    (breakOff): EngineCase => ({
      name: `a stream that breaks off (${breakOff}) ends with one error event and no [DONE]`,
      async run(harness) {
        await using stream = await openStream(harness);
        await stream.tokens.push("alpha");
        const answer = await stream.answer;
        expect(answer.status).toBe(200);
        const events = readSse(answer.body);
        expect((await events.next()).value?.data).toContain("alpha");
        stream.tokens[breakOff]();
        await expectVisibleEnd(events);
        expect(stream.upstream.requests.length).toBe(1);
      },
    }),
  ),
  {
    name: "a newline-delimited stream that breaks off ends with one error line",
    async run(harness) {
      const started = Promise.withResolvers<TokenStream>();
      await using upstream = new FakeUpstream({
        kind: "ollama",
        async behave(exchange) {
          started.resolve(await TokenStream.start(exchange, { "Content-Type": "application/x-ndjson" }));
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.request("POST /olla/ollama/api/chat HTTP/1.1", [], streamingChat);
      const lines = await started.promise;
      await lines.pushLine({ message: { content: "alpha" }, done: false });
      await client.readUntil("alpha");
      lines.reset();
      await client.readUntil('"error"');
      expect(client.text).not.toContain('"done":true');
      expect(client.text.match(/"error"/g)?.length).toBe(1);
      expect(client.text.match(/\n\{"error":"[^"]+"[^\n]*\}\n/)).not.toBeNull();
    },
  },
  {
    name: "a stream that falls silent for longer than read_timeout is ended, visibly, and the upstream is let go",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { read_timeout: "300ms" },
      });
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: streamingChat });
      const events = readSse(answer.body);
      expect((await events.next()).value?.data).toContain("alpha");
      await expectVisibleEnd(events);
      const exchange = await upstream.exchange();
      await within(exchange.gone, 1_000, "the upstream connection is closed");
    },
  },
  {
    name: "silence shorter than read_timeout is no reason to end a stream",
    async run(harness) {
      await using stream = await openStream(harness);
      await stream.tokens.push("before");
      const events = readSse((await stream.answer).body);
      await events.next();
      await stream.tokens.push("after");
      await stream.tokens.end();
      expect((await events.next()).value?.data).toContain("after");
      expect((await events.next()).value?.data).toBe("[DONE]");
    },
  },
  {
    name: "an upstream that never begins to answer gets 504 after response_header_timeout and is let go",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangBeforeHead });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { response_header_timeout: "300ms" },
      });
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: streamingChat });
      expect(answer.status).toBe(504);
      expect(answer.headers.get("content-type")).toContain("application/json");
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe("header_timeout");
      expect(error.message).not.toContain("127.0.0.1");
      expect(upstream.requests.length).toBe(1);
      await within((await upstream.exchange()).gone, 1_000, "the upstream connection is closed");
    },
  },
  {
    name: "a raw body that breaks off is aborted, never ended in good order",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "application/octet-stream" });
          await exchange.chunk("x".repeat(1024));
          exchange.reset();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      await within(client.closed, 5_000, "the connection is cut");
      expect(client.text).not.toContain("\r\n0\r\n\r\n");
      expect(client.text.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(upstream.requests.length).toBe(1);
    },
  },
  {
    name: "a long answer shorter than its Content-Length is never taken for a whole one",
    async run(harness) {
      const half = "y".repeat(mebibyte);
      await using upstream = new FakeUpstream({
        behave: claimLength(2 * mebibyte, half, "application/octet-stream"),
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      await within(client.closed, 5_000, "the connection is cut");
      expect(client.text).not.toContain("\r\n0\r\n\r\n");
    },
  },
  {
    name: "a short answer shorter than its Content-Length is a 502 of ours, or a cut connection",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: claimLength(500, '{"half":') });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: streamingChat }).catch(
        () => undefined,
      );
      const whole = await answer?.text().catch(() => undefined);
      if (answer?.ok) expect(whole).toBeUndefined();
      else if (answer !== undefined) expect(answer.status).toBe(502);
      expect(upstream.requests.length).toBe(1);
    },
  },
  {
    name: "a client that stalls stalls the upstream; nothing piles up in between",
    async run(harness) {
      const total = 192 * mebibyte;
      const piece = new Uint8Array(256 * 1024);
      let sent = 0;
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
          for (; sent < total; sent += piece.length) await exchange.chunk(piece);
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      await client.readHead();
      client.pause();
      await waitUntilSettled(() => sent, 300);
      expect(sent).toBeLessThan(48 * mebibyte);
    },
  },
  {
    name: "an answer that says something after the upstream's own error event is left as it is",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
          await exchange.chunk(sseToken("alpha"));
          await exchange.chunk('data: {"error":{"message":"own"}}\n\n');
          await exchange.endChunked();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: streamingChat });
      const { events } = await collectSse(answer.body);
      expect(errorEvents(events)).toEqual([{ error: { message: "own" } }]);
    },
  },
];
