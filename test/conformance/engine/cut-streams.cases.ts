import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { RunningOlla } from "../../support/start-olla.ts";
import { sseToken } from "../../support/upstream-behaviours.ts";
import { waitUntil, within } from "../../support/wait-until.ts";
import { loadRecording, type Recording } from "../../support/wire-recording.ts";
import { judgeCut, type Received, recordedStreams as streams } from "./cut-judge.ts";
import {
  chatPath,
  type EngineCase,
  endpointOf,
  endpointStatus,
  post,
  streamingChat,
  systemStatus,
} from "./engine-case.ts";

/** About so many offsets, spread over the whole stream, and those around its end. */
function sampleOffsets(length: number, count: number): number[] {
  const step = Math.max(1, Math.floor(length / count));
  const spread = Array.from({ length: count }, (_, index) => index * step + (index % 7));
  return [...new Set([...spread, length - 16, length - 3, length - 2, length - 1])].filter(
    (offset) => offset >= 0 && offset < length,
  );
}

/** Without `store: false` an Ollama is not asked in Responses. */
const askedOnce = JSON.stringify({ ...JSON.parse(streamingChat), store: false });

async function readAll(url: string): Promise<Received> {
  const answer = await fetch(url, { method: "POST", body: askedOnce });
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const piece of answer.body ?? []) text += decoder.decode(piece, { stream: true });
    return { status: answer.status, text, isBroken: false };
  } catch {
    // A connection that breaks is one of the two ways in which a client may learn of the cut.
    return { status: answer.status, text, isBroken: true };
  }
}

function cutAt(recording: Recording, ending: "end" | "truncate") {
  return (upstream: FakeUpstream, offset: number): string => {
    const sent = recording.body.slice(0, offset);
    upstream.behave = async (exchange) => {
      const type = recording.headers.find(([name]) => /^content-type$/i.test(name))?.[1] ?? "";
      await exchange.startChunked(200, { "Content-Type": type });
      // In three pieces, so that a cut event has come in parts as well.
      const third = Math.max(1, Math.ceil(sent.length / 3));
      for (let at = 0; at < sent.length; at += third) await exchange.chunk(sent.slice(at, at + third));
      if (ending === "end") await exchange.endChunked();
      else exchange.close();
    };
    return sent;
  };
}

async function failuresOf(olla: RunningOlla, requests: number): Promise<unknown> {
  const system = await waitUntil(async () => {
    const status = await systemStatus(olla);
    return status.total_requests === requests ? status : undefined;
  });
  return system.total_failures;
}

export const cutStreamCases: readonly EngineCase[] = [
  {
    name: "an SSE stream that ends in good order without its end gets an error event and no [DONE]",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
          await exchange.chunk(sseToken("alpha"));
          await exchange.endChunked();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const text = await (await post(olla, streamingChat)).text();
      expect(text).toStartWith(sseToken("alpha"));
      const [notice = ""] = text.slice(sseToken("alpha").length).match(/data: .*/) ?? [];
      expect(JSON.parse(notice.slice("data: ".length))).toHaveProperty("error.source", "olla");
      expect(text).not.toContain("[DONE]");
      expect(await failuresOf(olla, 1)).toBe(1);
      expect(Number.parseFloat(String((await endpointStatus(olla, "one")).success_rate))).toBe(0);
    },
  },
  {
    name: "an NDJSON stream that ends in good order without done: true gets an error line",
    async run(harness) {
      const line = '{"message":{"role":"assistant","content":"alpha"},"done":false}\n';
      await using upstream = new FakeUpstream({
        kind: "ollama",
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "application/x-ndjson" });
          await exchange.chunk(line);
          await exchange.endChunked();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}/olla/ollama/api/chat`, { method: "POST", body: streamingChat });
      const lines = (await answer.text()).trimEnd().split("\n");
      expect(`${lines[0]}\n`).toBe(line);
      expect(lines.length).toBe(2);
      expect(JSON.parse(lines[1] ?? "")).toHaveProperty("source", "olla");
      expect(await failuresOf(olla, 1)).toBe(1);
    },
  },
  {
    name: "an Anthropic stream that ends without message_stop gets an error event of its own dialect",
    async run(harness) {
      const recording = await loadRecording("ollama-0.32.15", "post-v1-messages-stream");
      await using upstream = new FakeUpstream();
      const at = recording.body.indexOf("event: message_stop");
      expect(at).toBeGreaterThan(0);
      cutAt(recording, "end")(upstream, at);
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one", { type: "vllm" })] });
      const answer = await fetch(`${olla.url}/olla/proxy/v1/messages`, {
        method: "POST",
        body: streamingChat,
      });
      const text = await answer.text();
      expect(text).not.toContain("message_stop");
      expect(text.slice(at)).toMatch(/event: error\ndata: \{"type":"error","error":\{/);
    },
  },
  {
    name: "a whole stream of any kind is left as it is and counts for its endpoint",
    async run(harness) {
      await using upstream = new FakeUpstream({ kind: "ollama" });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      for (const stream of streams) {
        const recording = await loadRecording(stream.server, stream.name);
        cutAt(recording, "end")(upstream, recording.body.length);
        const got = await readAll(`${olla.url}${stream.path}`);
        expect([stream.name, got.text]).toEqual([stream.name, recording.body]);
      }
      expect(await failuresOf(olla, streams.length)).toBe(0);
    },
  },
  {
    name: "a finished answer without [DONE] is no broken one",
    async run(harness) {
      const finish = `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`;
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
          await exchange.chunk(sseToken("alpha") + finish);
          await exchange.endChunked();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      expect(await (await post(olla, streamingChat)).text()).toBe(sseToken("alpha") + finish);
      expect(await failuresOf(olla, 1)).toBe(0);
    },
  },
  {
    name: "event streams that are no inference end as the endpoint ends them",
    async run(harness) {
      const lines = '{"status":"pulling manifest"}\n{"status":"success"}\n';
      await using upstream = new FakeUpstream({
        kind: "ollama",
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "application/x-ndjson" });
          await exchange.chunk(lines);
          await exchange.endChunked();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}/olla/proxy/v1/progress`, {
        method: "POST",
        body: streamingChat,
      });
      expect(await answer.text()).toBe(lines);
      expect(await failuresOf(olla, 1)).toBe(0);
    },
  },
  {
    name: "a raw body that falls silent past read_timeout is aborted, and counts against the endpoint",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.startChunked(200, { "Content-Type": "application/octet-stream" });
          await exchange.chunk("x".repeat(200_000));
        },
      });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { read_timeout: "300ms" },
      });
      using client = await RawClient.connect(olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      await within(client.closed, 5_000, "the connection is cut");
      expect(client.text).not.toContain("\r\n0\r\n\r\n");
      await within((await upstream.exchange()).gone, 1_000, "the upstream connection is closed");
      expect(await failuresOf(olla, 1)).toBe(1);
    },
  },
  ...streams.flatMap((stream) =>
    (["end", "truncate"] as const).map(
      (ending): EngineCase => ({
        name: `${stream.server}'s ${stream.name}, cut anywhere (${ending}), never looks finished`,
        async run(harness) {
          const recording = await loadRecording(stream.server, stream.name);
          await using upstream = new FakeUpstream({ kind: "ollama" });
          await using olla = await harness.start({
            endpoints: [endpointOf(upstream, "one", { check_interval: "1s", check_timeout: "500ms" })],
            proxy: { circuit_breaker: { enabled: false } },
          });
          const cut = cutAt(recording, ending);
          for (const offset of sampleOffsets(recording.body.length, 24)) {
            const sent = cut(upstream, offset);
            const got = await readAll(`${olla.url}${stream.path}`);
            expect([offset, judgeCut(stream, sent, got, ending), got.text.slice(-300)]).toEqual([
              offset,
              "honest",
              expect.any(String),
            ]);
          }
        },
      }),
    ),
  ),
];
