import { expect } from "bun:test";
import { toText } from "../../support/bytes.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Exchange } from "../../support/socket-server.ts";
import { waitUntil, waitUntilSettled, within } from "../../support/wait-until.ts";
import { chatBody, chatPath, type EngineCase, type EngineHarness, endpointOf } from "./engine-case.ts";

const image = "image/png";
const sse = "text/event-stream";

interface Setup {
  readonly profile: "auto" | "streaming" | "standard";
  readonly contentType: string;
  readonly body?: string;
  readonly bufferSize?: number | string;
}

/** An answer that has begun with a few bytes of content, and both ends of it. */
async function begin(harness: EngineHarness, { profile, contentType, body, bufferSize }: Setup) {
  const started = Promise.withResolvers<Exchange>();
  const upstream = new FakeUpstream({
    async behave(exchange) {
      await exchange.startChunked(200, { "Content-Type": contentType });
      started.resolve(exchange);
    },
  });
  const olla = await harness.start({
    endpoints: [endpointOf(upstream, "one")],
    proxy: { profile, ...(bufferSize !== undefined && { stream_buffer_size: bufferSize }) },
  });
  const client = await RawClient.connect(olla.port);
  client.request(`POST ${chatPath} HTTP/1.1`, [], body ?? chatBody());
  const exchange = await within(started.promise, 5_000, "the upstream is asked");
  return {
    client,
    exchange,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await olla.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** The sizes of the chunks that a chunked answer came in. */
function chunkSizes(received: Uint8Array): number[] {
  const text = Buffer.from(received).toString("latin1");
  const sizes: number[] = [];
  let at = text.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size) || size === 0) return sizes;
    sizes.push(size);
    at = lineEnd + 2 + size + 2;
  }
}

function event(content: string): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
}

const streamed: readonly Setup[] = [
  { profile: "streaming", contentType: image },
  { profile: "streaming", contentType: sse },
  { profile: "auto", contentType: sse },
  { profile: "auto", contentType: "application/x-ndjson" },
  { profile: "auto", contentType: "text/plain; charset=utf-8" },
  { profile: "auto", contentType: "application/json" },
  { profile: "auto", contentType: image, body: chatBody({ stream: true }) },
];

const gathered: readonly Setup[] = [
  { profile: "standard", contentType: sse },
  { profile: "standard", contentType: "application/json" },
  { profile: "standard", contentType: image, body: chatBody({ stream: true }) },
  { profile: "auto", contentType: image },
  { profile: "auto", contentType: "application/octet-stream", body: chatBody({ stream: false }) },
];

function nameOf({ profile, contentType, body }: Setup): string {
  const asked = body?.includes('"stream":true') ? ", asked for as a stream" : "";
  return `profile ${profile}, ${contentType}${asked}`;
}

export const deliveryCases: readonly EngineCase[] = [
  ...streamed.map(
    (setup): EngineCase => ({
      name: `${nameOf(setup)}: every piece goes out at once`,
      async run(harness) {
        await using answer = await begin(harness, setup);
        for (const word of ["alpha", "beta", "gamma"]) {
          await answer.exchange.chunk(event(word));
          await within(answer.client.readUntil(word), 1_000, `"${word}" is with the client`);
        }
      },
    }),
  ),
  ...gathered.map(
    (setup): EngineCase => ({
      name: `${nameOf(setup)}: pieces are gathered up to stream_buffer_size, and the rest comes with the end`,
      async run(harness) {
        await using answer = await begin(harness, { ...setup, bufferSize: 4096 });
        await answer.exchange.chunk(event("alpha"));
        await waitUntilSettled(() => answer.client.receivedBytes, 60);
        expect(answer.client.text).not.toContain("alpha");
        await answer.exchange.chunk(event("b".repeat(5_000)));
        await answer.client.readUntil("alpha");
        await waitUntilSettled(() => answer.client.receivedBytes, 60);
        expect(chunkSizes(answer.client.bytes)).toEqual([4096]);
        await answer.exchange.chunk(event("omega"));
        await answer.exchange.chunk("data: [DONE]\n\n");
        await answer.exchange.endChunked();
        await answer.client.readUntil("omega");
        await answer.client.readUntil("\r\n0\r\n\r\n");
        expect(toText(answer.client.bytes)).toContain("[DONE]");
      },
    }),
  ),
  {
    name: "what was gathered goes out before a break is told",
    async run(harness) {
      await using answer = await begin(harness, { profile: "standard", contentType: sse, bufferSize: 4096 });
      await answer.exchange.chunk(event("alpha"));
      await waitUntilSettled(() => answer.client.receivedBytes, 60);
      answer.exchange.close();
      await answer.client.readUntil('"error"');
      expect(answer.client.text).toContain("alpha");
      expect(answer.client.text).not.toContain("[DONE]");
    },
  },
  {
    name: "a streamed answer is written in pieces of stream_buffer_size at most, and none is lost",
    async run(harness) {
      for (const bufferSize of [2048, "16KB"]) {
        const limit = bufferSize === 2048 ? 2048 : 16 * 1024;
        await using answer = await begin(harness, { profile: "streaming", contentType: sse, bufferSize });
        const content = "z".repeat(200_000);
        await answer.exchange.chunk(event(content));
        await answer.exchange.chunk("data: [DONE]\n\n");
        await answer.exchange.endChunked();
        await waitUntil(() => answer.client.text.endsWith("0\r\n\r\n"), { what: "the answer is complete" });
        const sizes = chunkSizes(answer.client.bytes);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(
          event(content).length + "data: [DONE]\n\n".length,
        );
      }
    },
  },
];
