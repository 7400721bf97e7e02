// What an endpoint's answer says about its tokens and times ends up in the access line, and the answer stays as it was.
import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { waitUntil } from "../support/wait-until.ts";
import { loadRecording, replayRecording } from "../support/wire-recording.ts";

const server = "ollama-0.32.15";
const model = "tiny:latest";

async function relay(name: string, path: string, endpointCount: number, proxy: Record<string, unknown> = {}) {
  const recording = await loadRecording(server, name);
  const list = replayRecording(await loadRecording(server, "get-api-tags"));
  await using upstreams = new AsyncDisposableStack();
  const endpoints = Array.from({ length: endpointCount }, (_, index) => {
    const behave = replayRecording(recording);
    const { url } = upstreams.use(new FakeUpstream({ kind: "ollama", list, behave }));
    return { name: `home-${index}`, url, type: "ollama" };
  });
  await using olla: RunningOlla = await startOlla({ endpoints, proxy });
  const response = await fetch(`${olla.url}/olla/ollama${path}`, {
    method: "POST",
    body: JSON.stringify({ model, messages: [], stream: true }),
  });
  expect((await response.text()).trim()).toBe(recording.body.trim());
  await waitUntil(() => olla.accessLog().length > 0);
  return olla.accessLog().at(-1) ?? {};
}

const told = { input_tokens: 22, output_tokens: 3, total_tokens: 25, provider_model: "tiny" };

test.each([
  ["sherpa", 1],
  ["sherpa", 2],
  ["olla", 1],
  ["olla", 2],
])("of a stream by the %s engine, with %d endpoints to choose from", async (engine, endpointCount) => {
  const native = await relay("post-api-chat", "/api/chat", endpointCount, { engine });
  expect(native).toMatchObject({
    ...told,
    finish_reason: "length",
    ttft_ms: 0.3,
    generation_ms: 0.5,
    tokens_per_sec: 5565.9,
  });
  const openai = await relay("post-v1-chat-completions-stream", "/v1/chat/completions", endpointCount, {
    engine,
  });
  expect(openai).toMatchObject({ ...told, finish_reason: "length" });
  const anthropic = await relay("post-v1-messages-stream", "/v1/messages", endpointCount, { engine });
  expect(anthropic).toMatchObject({ ...told, finish_reason: "max_tokens" });
});

test("of a body that is one document", async () => {
  const line = await relay("post-api-embed", "/api/embed", 1);
  expect(line).toMatchObject({ input_tokens: 3, provider_model: "tiny-embed" });
});

test("of an error nothing", async () => {
  const line = await relay("post-v1-chat-completions-malformed", "/v1/chat/completions", 1);
  expect(line).toMatchObject({ status: 400 });
  expect(line).not.toHaveProperty("provider_model");
});

test("the status bodies add up tokens, by whichever of its names a model was asked for", async () => {
  const list = replayRecording(await loadRecording(server, "get-api-tags"));
  const behave = replayRecording(await loadRecording(server, "post-api-chat"));
  await using home = new FakeUpstream({ kind: "ollama", list, behave });
  await using olla = await startOlla({
    endpoints: [{ name: "home", url: home.url, type: "ollama" }],
    sections: { model_aliases: { short: [model] } },
  });
  const read = async (path: string) => (await fetch(`${olla.url}${path}`)).json();
  expect(await read("/internal/status")).not.toMatchObject({ system: { tokens: expect.anything() } });

  for (const name of [model, "tiny", "TINY", "short"]) {
    const body = JSON.stringify({ model: name, messages: [] });
    await (await fetch(`${olla.url}/olla/ollama/api/chat`, { method: "POST", body })).text();
  }
  const tokens = { requests: 4, input: 88, output: 12, cached: 0 };
  await waitUntil(() => olla.accessLog().filter(({ path }) => path === "/olla/ollama/api/chat").length === 4);
  expect(await read("/internal/status")).toMatchObject({ endpoints: [{ tokens }], system: { tokens } });
  expect(await read("/internal/status/endpoints")).toMatchObject({ endpoints: [{ tokens }] });
  const { recent_models: models } = (await read("/internal/status/models")) as {
    recent_models: Record<string, unknown>[];
  };
  expect(models.filter(({ tokens: counted }) => counted !== undefined)).toEqual([
    expect.objectContaining({ name: model, tokens }),
  ]);
});
