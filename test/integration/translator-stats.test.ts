// What became of the requests in an API that not every endpoint knows.
import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const path = "/olla/anthropic/v1/messages";

function message(model: string, more: object = {}): string {
  return JSON.stringify({ model, max_tokens: 9, messages: [{ role: "user", content: "hi" }], ...more });
}

async function post(olla: RunningOlla, body: string, where = path): Promise<number> {
  const answer = await fetch(`${olla.url}${where}`, { method: "POST", body });
  await answer.text().catch(() => "cut");
  return answer.status;
}

async function statisticsOf(olla: RunningOlla): Promise<Record<string, unknown>> {
  return (await (await fetch(`${olla.url}/internal/stats/translators`)).json()) as Record<string, unknown>;
}

test("nothing has happened yet", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startOlla({
    endpoints: [{ name: "a", url: upstream.url, type: "openai-compatible" }],
  });
  expect(await statisticsOf(olla)).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    translators: [],
    summary: {
      total_translators: 0,
      active_translators: 0,
      total_requests: 0,
      overall_success_rate: "0%",
      total_passthrough: 0,
      total_translations: 0,
      overall_passthrough_rate: "0%",
      total_streaming: 0,
      total_non_streaming: 0,
    },
  });
});

test("every request is counted once, by what the client got of it", async () => {
  await using native = new FakeUpstream({
    kind: "vllm",
    models: ["own"],
    behave: answerJson({ id: "msg_1" }),
  });
  await using plain = new FakeUpstream({ models: ["tiny"] });
  await using olla = await startOlla({
    endpoints: [
      { name: "native", url: native.url, type: "vllm" },
      { name: "plain", url: plain.url, type: "openai-compatible" },
    ],
  });
  expect(await post(olla, message("own"))).toBe(200);
  expect(await post(olla, message("tiny"))).toBe(200);
  expect(await post(olla, message("nobodys"))).toBe(404);
  expect(await post(olla, "{}")).toBe(400);
  native.behave = answerJson({ type: "error" }, 400);
  expect(await post(olla, message("own"))).toBe(400);
  // A stream that breaks off has begun with 200.
  plain.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(sseToken("he"));
    exchange.reset();
  };
  expect(await post(olla, message("tiny", { stream: true }))).toBe(200);
  // Neither is a request in this sense.
  await post(olla, message("tiny"), `${path}/count_tokens`);
  await fetch(`${olla.url}/olla/anthropic/v1/models`);
  await post(olla, message("tiny"), "/olla/proxy/v1/chat/completions");
  plain.behave = answerJson({
    model: "tiny",
    choices: [{ index: 0, message: { role: "assistant", content: "x" }, finish_reason: "stop" }],
  });
  expect(
    await post(
      olla,
      JSON.stringify({ model: "tiny", stream: false, messages: [{ role: "user", content: "hi" }] }),
      "/api/chat",
    ),
  ).toBe(200);

  const statistics = await waitUntil(
    async () => {
      const now = await statisticsOf(olla);
      return (now.summary as { total_requests: number }).total_requests === 7 ? now : undefined;
    },
    { what: "all requests are counted" },
  );
  expect(statistics.translators).toEqual([
    {
      translator_name: "anthropic",
      total_requests: 6,
      successful_requests: 2,
      failed_requests: 4,
      success_rate: "33.3%",
      passthrough_rate: "33.3%",
      passthrough_requests: 2,
      translation_requests: 4,
      streaming_requests: 1,
      non_streaming_requests: 5,
      fallback_no_compatible_endpoints: 1,
      fallback_translator_does_not_support_passthrough: 0,
      fallback_cannot_passthrough: 2,
      average_latency: expect.stringMatching(/^\d+ms$/),
    },
    expect.objectContaining({
      translator_name: "ollama-chat",
      total_requests: 1,
      success_rate: "100%",
      passthrough_rate: "0%",
    }),
  ]);
  expect(statistics.summary).toMatchObject({
    total_translators: 2,
    active_translators: 2,
    total_passthrough: 2,
    total_translations: 5,
    overall_passthrough_rate: "28.6%",
    total_streaming: 1,
  });

  const lines = olla.accessLog().filter(({ path: where }) => where === path);
  expect(lines.map(({ api, mode }) => [api, mode])).toEqual([
    ["anthropic", "passthrough"],
    ["anthropic", "translation"],
    ["anthropic", "translation"],
    ["anthropic", "translation"],
    ["anthropic", "passthrough"],
    ["anthropic", "translation"],
  ]);
  expect(olla.accessLog().find(({ path: where }) => where === "/olla/proxy/v1/chat/completions")?.api).toBe(
    undefined,
  );
});

test("a kind whose endpoint has nothing at its place counts as translated", async () => {
  await using old = new FakeUpstream({
    kind: "vllm",
    models: ["own"],
    behave: (exchange) =>
      exchange.target === "/v1/messages"
        ? exchange.respondJson({ detail: "Not Found" }, 404)
        : exchange.respondJson({
            model: "own",
            choices: [{ index: 0, message: { role: "assistant", content: "x" }, finish_reason: "stop" }],
          }),
  });
  await using olla = await startOlla({ endpoints: [{ name: "old", url: old.url, type: "vllm" }] });
  expect(await post(olla, message("own"))).toBe(200);
  expect(await statisticsOf(olla)).toMatchObject({
    translators: [{ passthrough_requests: 0, translation_requests: 1, fallback_cannot_passthrough: 1 }],
  });
});
