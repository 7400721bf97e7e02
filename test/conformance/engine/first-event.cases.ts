import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Behaviour } from "../../support/socket-server.ts";
import { sseDone, sseToken } from "../../support/upstream-behaviours.ts";
import { waitUntil, waitUntilSettled, within } from "../../support/wait-until.ts";
import {
  chatPath,
  type EngineCase,
  type EngineHarness,
  endpointOf,
  endpointStatus,
  first,
  post,
  second,
  streamingChat,
  systemStatus,
} from "./engine-case.ts";

type End = "end" | "truncate" | "hang";

const sse = "text/event-stream";
const ndjson = "application/x-ndjson";
const ollamaChat = "/olla/ollama/api/chat";

const roleOnly = `data: ${JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "tiny",
  choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }],
})}\n\n`;

/** A 200 with these pieces, each a chunk of its own, and then an end of the given kind. */
function say(contentType: string, pieces: readonly string[], end: End): Behaviour {
  return async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": contentType });
    for (const piece of pieces) await exchange.chunk(piece);
    if (end === "end") await exchange.endChunked();
    if (end === "truncate") exchange.close();
  };
}

interface BadStart {
  readonly name: string;
  readonly contentType: string;
  readonly pieces: readonly string[];
  readonly end: End;
}

const badStarts: readonly BadStart[] = [
  {
    name: "an SSE error object first",
    contentType: sse,
    pieces: ['data: {"error":{"message":"overloaded","code":503}}\n\n', sseDone],
    end: "end",
  },
  {
    name: "an SSE error event first",
    contentType: `${sse}; charset=utf-8`,
    pieces: [
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    ],
    end: "end",
  },
  {
    name: "an error after a role",
    contentType: sse,
    pieces: [": hello\n\n", roleOnly, 'data: {"error":{"message":"CUDA error: out of memory"}}\n\n'],
    end: "end",
  },
  {
    name: "an error cut into pieces",
    contentType: sse,
    pieces: ["da", 'ta: {"err', 'or":{"message":"over', 'loaded"}}\r\n', "\r\n"],
    end: "hang",
  },
  { name: "an empty end", contentType: sse, pieces: [], end: "end" },
  { name: "comments and an end", contentType: sse, pieces: [": ping\n\n", "\n"], end: "end" },
  { name: "a role and an end", contentType: sse, pieces: [roleOnly], end: "end" },
  { name: "a role and a break", contentType: sse, pieces: [roleOnly], end: "truncate" },
  {
    name: "an NDJSON error first",
    contentType: ndjson,
    pieces: ['{"error":"llama runner process has terminated"}\n'],
    end: "end",
  },
  { name: "an empty NDJSON end", contentType: ndjson, pieces: [], end: "end" },
];

function pathOf(contentType: string): string {
  return contentType === ndjson ? ollamaChat : chatPath;
}

async function startPair(harness: EngineHarness, behave: Behaviour, contentType = sse) {
  const kind = contentType === ndjson ? "ollama" : "openai-compatible";
  const good =
    contentType === ndjson
      ? ['{"message":{"role":"assistant","content":"alpha"},"done":false}\n', '{"done":true}\n']
      : [roleOnly, sseToken("alpha"), sseDone];
  const failing = new FakeUpstream({ kind, behave });
  const alive = new FakeUpstream({ kind, behave: say(contentType, good, "end") });
  const olla = await harness.start({
    endpoints: [endpointOf(failing, "failing", first), endpointOf(alive, "alive", second)],
  });
  return {
    failing,
    alive,
    olla,
    good: good.join(""),
    async [Symbol.asyncDispose]() {
      await olla.stop();
      await failing[Symbol.asyncDispose]();
      await alive[Symbol.asyncDispose]();
    },
  };
}

export const firstEventCases: readonly EngineCase[] = [
  ...badStarts.map(
    ({ name, contentType, pieces, end }): EngineCase => ({
      name: `a 200 with ${name} fails over, and the client sees nothing of it`,
      async run(harness) {
        await using pair = await startPair(harness, say(contentType, pieces, end), contentType);
        const answer = await fetch(`${pair.olla.url}${pathOf(contentType)}`, {
          method: "POST",
          body: streamingChat,
        });
        expect(answer.status).toBe(200);
        expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
        expect(answer.headers.get("x-olla-attempts")).toBe("2");
        expect(await answer.text()).toBe(pair.good);
        expect((await pair.alive.exchange()).text).toBe(streamingChat);
        await waitUntil(async () => (await systemStatus(pair.olla)).total_requests === 2, {
          what: "both attempts are counted",
        });
        expect((await systemStatus(pair.olla)).total_failures).toBe(1);
        expect((await endpointStatus(pair.olla, "failing")).status).toBe("healthy");
        if (end === "hang")
          await within((await pair.failing.exchange()).gone, 1_000, "the attempt is let go");
      },
    }),
  ),
  {
    name: "with no candidate left what was read is passed on, so that the endpoint's error is seen",
    async run(harness) {
      const error = 'data: {"error":{"message":"overloaded","code":503}}\n\n';
      await using upstream = new FakeUpstream({ behave: say(sse, [roleOnly, error], "end") });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const text = await (await post(olla, streamingChat)).text();
      expect(text).toStartWith(roleOnly + error);
      expect(text).not.toContain("[DONE]");
      expect(upstream.requests.length).toBe(1);
    },
  },
  {
    name: "with no candidate left an NDJSON error is seen, too",
    async run(harness) {
      const error = '{"error":"llama runner process has terminated"}\n';
      await using upstream = new FakeUpstream({ kind: "ollama", behave: say(ndjson, [error], "end") });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}${ollamaChat}`, { method: "POST", body: streamingChat });
      const text = await answer.text();
      expect(text).toStartWith(error);
      expect(text).not.toContain('"done":true');
    },
  },
  ...(["end", "truncate"] as const).map(
    (end): EngineCase => ({
      name: `with no candidate left a stream without content (${end}) fails visibly`,
      async run(harness) {
        await using upstream = new FakeUpstream({ behave: say(sse, [roleOnly], end) });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await post(olla, streamingChat);
        const text = await answer.text();
        if (answer.status === 200) expect(text).toContain('"error"');
        else expect(answer.status).toBe(502);
        expect(text).not.toContain("[DONE]");
      },
    }),
  ),
  {
    name: "a stream is committed with its first content, and what was held comes out byte for byte",
    async run(harness) {
      const held = `: a comment\r\n\r\n${roleOnly}${roleOnly}`;
      await using pair = await startPair(harness, say(sse, [...held, sseToken("alpha")], "hang"));
      using client = await RawClient.connect(pair.olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      await within(client.readUntil("alpha"), 1_000, "content is passed on at once");
      const head = await client.readHead();
      expect(head.header("x-olla-endpoint")).toBe("failing");
      expect(client.text.replaceAll(/\r\n[0-9a-f]+\r\n/g, "")).toContain(roleOnly.trim());
      expect(pair.alive.requests.length).toBe(0);
    },
  },
  {
    name: "an answer that is properly ended without saying anything is an answer",
    async run(harness) {
      await using pair = await startPair(harness, say(sse, [roleOnly, sseDone], "end"));
      const answer = await post(pair.olla, streamingChat);
      expect(answer.headers.get("x-olla-endpoint")).toBe("failing");
      expect(await answer.text()).toBe(roleOnly + sseDone);
    },
  },
  {
    name: "at most 64 events are held back",
    async run(harness) {
      const error = 'data: {"error":{"message":"in time, or too late"}}\n\n';
      const few = Array.from({ length: 60 }, () => roleOnly);
      await using pair = await startPair(harness, say(sse, [...few, error], "end"));
      const early = await post(pair.olla, streamingChat);
      expect(early.headers.get("x-olla-endpoint")).toBe("alive");
      await early.text();

      const many = Array.from({ length: 70 }, () => roleOnly);
      pair.failing.behave = say(sse, many, "hang");
      const late = await within(post(pair.olla, streamingChat), 1_000, "what was held goes out");
      expect(late.headers.get("x-olla-endpoint")).toBe("failing");
      const exchange = await pair.failing.exchange(1);
      await exchange.chunk(error);
      await exchange.endChunked();
      expect(await late.text()).toBe(many.join("") + error);
    },
  },
  {
    name: "at most 256 KiB are held back, even of one event that does not end",
    async run(harness) {
      const comment = `: ${"x".repeat(8190)}`;
      await using pair = await startPair(
        harness,
        say(
          sse,
          Array.from({ length: 40 }, () => comment),
          "hang",
        ),
      );
      using client = await RawClient.connect(pair.olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      await waitUntil(() => client.receivedBytes > 256 * 1024, { what: "the client receives what was held" });
      expect(await waitUntilSettled(() => client.receivedBytes, 50)).toBeGreaterThan(40 * 8192);
      expect(pair.alive.requests.length).toBe(0);
    },
  },
  {
    name: "an answer that is no stream is not held back, whatever it says",
    async run(harness) {
      await using pair = await startPair(harness, (exchange) =>
        exchange.respondJson({ error: { message: "said with a 200" } }),
      );
      const answer = await post(pair.olla);
      expect(answer.headers.get("x-olla-endpoint")).toBe("failing");
      expect(await answer.text()).toContain("said with a 200");
    },
  },
  {
    name: "a client that leaves while nothing is committed is not failed over",
    async run(harness) {
      await using pair = await startPair(harness, say(sse, [roleOnly], "hang"));
      using client = await RawClient.connect(pair.olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], streamingChat);
      const exchange = await pair.failing.exchange();
      await waitUntilSettled(() => client.receivedBytes, 50);
      client.close();
      await within(exchange.gone, 1_000, "the upstream request is ended");
      await waitUntil(() => pair.olla.accessLog().some(({ status }) => status === 499), {
        what: "an access line with 499",
      });
      expect(pair.alive.requests.length).toBe(0);
      expect((await systemStatus(pair.olla)).total_failures).toBe(0);
    },
  },
];
