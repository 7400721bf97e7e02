import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { extractMetrics } from "../../src/observe/metrics-extraction.ts";
import type { ProviderMetrics } from "../../src/observe/usage.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { BodyTail } from "../../src/proxy/body-tail.ts";
import { streamFramingOf } from "../../src/proxy/stream-kind.ts";
import { loadRecording, type Recording } from "../support/wire-recording.ts";

const measured = { totalMs: 1000, ttftMs: undefined } as const;

function profileNamed(name: string) {
  const profile = builtinProfiles().find((each) => each.name === name);
  if (profile === undefined) throw new Error(`no profile "${name}"`);
  return profile;
}

/** The same answer whole, and relayed in pieces of several sizes: each must say the same. */
function metricsOf(
  profileName: string,
  { headers: pairs, body: text }: Recording,
): ProviderMetrics | undefined {
  const profile = profileNamed(profileName);
  const headers = new Headers(pairs.map(([name, value]): [string, string] => [name, value]));
  const framing = streamFramingOf(headers.get("content-type"));
  const body = Buffer.from(text);
  const metrics = extractMetrics(profile, { body, framing, headers, measured });
  for (const pieceBytes of [1, 7, 100, 5000]) {
    const tail = new BodyTail(framing !== undefined);
    for (let at = 0; at < body.length; at += pieceBytes) tail.push(body.subarray(at, at + pieceBytes));
    expect(extractMetrics(profile, { tail, framing, headers, measured })).toEqual(metrics);
  }
  return metrics;
}

const tokens = (input_tokens: number, output_tokens: number) => ({
  input_tokens,
  output_tokens,
  total_tokens: input_tokens + output_tokens,
});

/** Without times of its own an answer's speed is taken from the second that its whole took. */
const overall = (output_tokens: number) => ({ is_complete: true, tokens_per_sec: output_tokens });

const chat = "post-v1-chat-completions";
const messages = "post-v1-messages";
const responses = "post-v1-responses";

const prompt = (milliseconds: number) => ({ prompt_ms: milliseconds, ttft_ms: milliseconds });
const generated = (generation_ms: number, tokens_per_sec: number) => ({ generation_ms, tokens_per_sec });

type Figures = [profile: string, server: string, name: string, expected: ProviderMetrics];

const cached = { cached_tokens: 21 };

/** Its `/v1/messages` tells no times, and counts the cached 21 tokens of the prompt apart. */
function llamaServerFigures(
  server: string,
  model: string,
  times: { readonly chat: ProviderMetrics; readonly responses: ProviderMetrics },
): Figures[] {
  const told = (finish_reason: string) => ({
    model,
    finish_reason,
    ...tokens(22, 3),
    ...cached,
    is_complete: true,
  });
  return [
    ["llamacpp", server, `${chat}-stream`, { ...told("length"), ...times.chat }],
    ["llamacpp", server, `${messages}-stream`, told("max_tokens")],
    ["llamacpp", server, `${responses}-stream`, { ...told("completed"), ...times.responses }],
  ];
}

const figures: Figures[] = [
  [
    "ollama",
    "ollama-0.32.15",
    "post-api-chat",
    {
      model: "tiny",
      finish_reason: "length",
      ...tokens(22, 3),
      is_complete: true,
      prompt_ms: 0.298,
      ttft_ms: 0.298,
      generation_ms: 0.539,
      model_load_ms: 0.933319,
      total_ms: 5.329762,
      tokens_per_sec: (3 * 1e9) / 539_000,
    },
  ],
  [
    "ollama",
    "ollama-0.32.15",
    "post-api-generate",
    {
      model: "tiny",
      finish_reason: "length",
      ...tokens(22, 3),
      is_complete: true,
      prompt_ms: 0.25,
      ttft_ms: 0.25,
      generation_ms: 0.173,
      model_load_ms: 0.747442,
      total_ms: 5.290734,
      tokens_per_sec: (3 * 1e9) / 173_000,
    },
  ],
  [
    "ollama",
    "ollama-0.32.15",
    "post-api-embed",
    { model: "tiny-embed", input_tokens: 3, total_ms: 256.425602, model_load_ms: 254.357724 },
  ],
  [
    "ollama",
    "ollama-0.32.15",
    `${chat}-stream`,
    { model: "tiny", finish_reason: "length", ...tokens(22, 3) },
  ],
  [
    "ollama",
    "ollama-0.32.15",
    `${messages}-stream`,
    { model: "tiny", finish_reason: "max_tokens", ...tokens(22, 3) },
  ],
  [
    "ollama",
    "ollama-0.32.15",
    `${responses}-stream`,
    { model: "tiny", finish_reason: "completed", ...tokens(22, 3) },
  ],
  ["ollama", "ollama-0.32.15", `${responses}-no-messages`, { model: "tiny", finish_reason: "completed" }],
  ...llamaServerFigures("llama-server-b10488", "tiny", {
    chat: { ...prompt(0.408), ...generated(0.307, 6514.657980456026) },
    responses: { ...prompt(0.221), ...generated(0.285, 7017.543859649123) },
  }),
  ...llamaServerFigures("llama-server-b10488-router", "tiny-a", {
    chat: { ...prompt(0.34), ...generated(0.455, 4395.604395604396) },
    responses: { ...prompt(0.25), ...generated(0.739, 2706.3599458728013) },
  }),
  [
    "llamacpp",
    "llama-server-b10488",
    `${chat}-missing-model`,
    {
      model: "tiny",
      finish_reason: "length",
      ...tokens(22, 2),
      ...cached,
      is_complete: true,
      ...prompt(0.244),
      ...generated(0.084, 11904.761904761905),
    },
  ],
  [
    "llamacpp",
    "llama-server-b10488",
    `${messages}-missing-model`,
    { model: "tiny", finish_reason: "max_tokens", ...tokens(22, 2), ...cached, is_complete: true },
  ],
  [
    "llamacpp",
    "llama-server-b10488",
    `${responses}-missing-model`,
    { model: "tiny", finish_reason: "completed", ...tokens(22, 2), ...cached, is_complete: true },
  ],
  [
    "openai-compatible",
    "llama-cpp-python-0.3.36",
    `${chat}-stream`,
    { model: "tiny", finish_reason: "length", is_complete: true },
  ],
  [
    "openai-compatible",
    "llama-cpp-python-0.3.36",
    `${chat}-no-messages`,
    { model: "tiny", finish_reason: "stop", ...tokens(11, 158), ...overall(158) },
  ],
  [
    "openai-compatible",
    "llama-cpp-python-0.3.36",
    `${chat}-missing-model`,
    { model: "nope", finish_reason: "length", ...tokens(21, 2), ...overall(2) },
  ],
];

test.each(figures)("%s: %s %s tells its figures", async (profile, server, name, expected) => {
  expect(metricsOf(profile, await loadRecording(server, name))).toEqual(expected);
});

const wire = join(import.meta.dir, "../fixtures/wire");
const isRecorded = (server: string) => !server.endsWith("-handmade");
const posts = readdirSync(wire)
  .filter(isRecorded)
  .flatMap((server) =>
    readdirSync(join(wire, server))
      .filter((file) => file.startsWith("post-"))
      .map((file): [string, string] => [server, file.replace(/\.http$/, "")]),
  );

test("every recorded answer to a POST either has its figures above or is an error that tells none", async () => {
  const isListed = (server: string, name: string) =>
    figures.some(([, listedServer, listedName]) => listedServer === server && listedName === name);
  const others = posts.filter(([server, name]) => !isListed(server, name));
  expect(others.length).toBeGreaterThan(20);
  for (const [server, name] of others) {
    const recording = await loadRecording(server, name);
    expect([server, name, recording.status >= 400]).toEqual([server, name, true]);
    for (const profile of ["ollama", "llamacpp", "openai-compatible"])
      expect(metricsOf(profile, recording)).toBeUndefined();
  }
});

test("Ollama's last line says it all", () => {
  const line = {
    model: "llama3",
    done: true,
    done_reason: "stop",
    eval_count: 200,
    eval_duration: 4_400_000_000,
    prompt_eval_count: 50,
    prompt_eval_duration: 100_000_000,
    total_duration: 5_000_000_000,
    load_duration: 500_000_000,
  };
  const headers: Recording["headers"] = [["Content-Type", "application/x-ndjson"]];
  const metrics = metricsOf("ollama", { status: 200, headers, body: `${JSON.stringify(line)}\n` });
  expect(metrics).toEqual({
    model: "llama3",
    finish_reason: "stop",
    ...tokens(50, 200),
    is_complete: true,
    ttft_ms: 100,
    prompt_ms: 100,
    generation_ms: 4400,
    total_ms: 5000,
    model_load_ms: 500,
    tokens_per_sec: expect.closeTo(45.4545, 3),
  });
});

test("vLLM's own times become the record's", () => {
  const body = {
    model: "m",
    choices: [{ finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 40, total_tokens: 50 },
    metrics: { time_to_first_token_ms: 120, generation_time_ms: 800 },
  };
  const headers: Recording["headers"] = [["Content-Type", "application/json"]];
  expect(metricsOf("vllm", { status: 200, headers, body: JSON.stringify(body) })).toEqual({
    model: "m",
    finish_reason: "stop",
    ...tokens(10, 40),
    ttft_ms: 120,
    generation_ms: 800,
    tokens_per_sec: 50,
    is_complete: true,
  });
});

test("llama-server counts a stream's tokens in its timings, so nobody needs to ask it for usage", async () => {
  const asked = await loadRecording("llama-server-b10488", `${chat}-stream`);
  // Unasked it puts the timings on the last event that it sends anyway.
  const body = asked.body.replace(
    /(\{"choices":\[\{"finish_reason":"length".*)\}\n\ndata: .*("timings":\{.*\})\}\n/,
    "$1,$2}\n",
  );
  expect(body).not.toContain('"usage"');
  expect(metricsOf("llamacpp", { ...asked, body })).toEqual(metricsOf("llamacpp", asked) ?? {});
});

const details = { cached_tokens: 90, reasoning_tokens: 30 };
const openaiUsage = {
  ...{ prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 },
  prompt_tokens_details: { cached_tokens: 90, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 30 },
};
const responsesUsage = {
  ...{ input_tokens: 100, output_tokens: 40, total_tokens: 140 },
  input_tokens_details: { cached_tokens: 90 },
  output_tokens_details: { reasoning_tokens: 30 },
};
const sse = (...events: unknown[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
const finished = { model: "m", choices: [{ index: 0, text: "", delta: {}, finish_reason: "stop" }] };

test.each<[string, string, string]>([
  ["chat or completion", "json", JSON.stringify({ ...finished, usage: openaiUsage })],
  [
    "stream that ends with empty choices",
    "sse",
    `${sse(finished, { model: "m", choices: [], usage: openaiUsage })}data: [DONE]\n\n`,
  ],
  [
    "stream that has them on its last choice",
    "sse",
    `${sse({ ...finished, usage: openaiUsage })}data: [DONE]\n\n`,
  ],
  [
    "answer of the Responses API",
    "json",
    JSON.stringify({ object: "response", status: "completed", model: "m", usage: responsesUsage }),
  ],
  [
    "stream of the Responses API",
    "sse",
    sse({
      type: "response.completed",
      response: { object: "response", status: "completed", model: "m", usage: responsesUsage },
    }),
  ],
])("cached and reasoning tokens are told of a %s, by every kind", (_, framing, body) => {
  const type = framing === "sse" ? "text/event-stream" : "application/json";
  for (const { name } of builtinProfiles()) {
    const metrics = metricsOf(name, { status: 200, headers: [["Content-Type", type]], body });
    expect([name, metrics]).toEqual([name, expect.objectContaining({ ...tokens(100, 40), ...details })]);
  }
});

test("an embedding has tokens in and none out", () => {
  const body = JSON.stringify({
    object: "list",
    data: [],
    model: "m",
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  const headers: Recording["headers"] = [["Content-Type", "application/json"]];
  for (const { name } of builtinProfiles()) {
    const metrics = metricsOf(name, { status: 200, headers, body });
    expect([name, metrics]).toEqual([name, { model: "m", input_tokens: 7, total_tokens: 7 }]);
  }
});
