// Clients of every dialect in front of an endpoint that speaks Anthropic's API and nothing else. Its profile is the one
// in docs/anthropic-api.md.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { loadConfig } from "../../src/config/load.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour, Exchange } from "../support/socket-server.ts";
import { type SpawnedOlla, spawnOlla } from "../support/spawn-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/anthropic-api.md")).text();
const [profile = "", settings = ""] = [...page.matchAll(/```yml\n([\s\S]*?)```/g)].map(([, text]) => text);
const files = { "config/profiles/claude.yaml": profile };
const model = "claude-tiny";
const messages = [{ role: "user" as const, content: "hi" }];

interface Asked {
  readonly model: string;
  readonly stream: boolean;
  readonly max_tokens: number;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly unknown[];
  readonly [member: string]: unknown;
}

type Block = Readonly<Record<string, unknown>> & { readonly type: string };

type StreamEvent = Block;

function messageOf(content: readonly Block[], stop_reason: string): object {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason,
    stop_sequence: null,
    usage: { input_tokens: 7, cache_read_input_tokens: 5, cache_creation_input_tokens: 0, output_tokens: 9 },
  };
}

function eventsOf(content: readonly Block[], stop_reason: string): readonly StreamEvent[] {
  const deltas = (block: Block, index: number) => {
    if (block.type === "text")
      return String(block.text)
        .split(/(?<= )/)
        .map((text) => ({ type: "text_delta", text }));
    if (block.type === "thinking") return [{ type: "thinking_delta", thinking: block.thinking }];
    const json = JSON.stringify(block.input);
    const half = Math.ceil(json.length / 2) + index;
    return [json.slice(0, half), json.slice(half)].map((partial_json) => ({
      type: "input_json_delta",
      partial_json,
    }));
  };
  const start = { ...messageOf([], stop_reason), stop_reason: null };
  return [
    { type: "message_start", message: start },
    { type: "ping" },
    ...content.flatMap((block, index) => [
      {
        type: "content_block_start",
        index,
        content_block: {
          ...block,
          ...(block.type === "text" && { text: "" }),
          ...(block.type === "thinking" && { thinking: "" }),
          ...(block.type === "tool_use" && { input: {} }),
        },
      },
      ...deltas(block, index).map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 9 } },
    { type: "message_stop" },
  ];
}

function say(content: readonly Block[], stop_reason = "end_turn"): Behaviour {
  return async (exchange) => {
    if (askedIn(exchange).stream !== true) return exchange.respondJson(messageOf(content, stop_reason));
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    for (const event of eventsOf(content, stop_reason)) await sendEvent(exchange, event);
    await exchange.endChunked();
  };
}

function sendEvent(exchange: Exchange, event: StreamEvent): Promise<void> {
  return exchange.chunk(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

function refuse(status: number, type: string, message: string): Behaviour {
  return (exchange) => exchange.respondJson({ type: "error", error: { type, message } }, status);
}

function askedIn(exchange: Exchange | undefined): Asked {
  return JSON.parse(exchange?.text ?? "{}");
}

const hello: readonly Block[] = [{ type: "text", text: "Hello there you" }];
const thought: Block = { type: "thinking", thinking: "Hm.", signature: "c2ln" };
const calls: readonly Block[] = [
  { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Perth" } },
  { type: "tool_use", id: "toolu_2", name: "weather", input: { city: "Łódź" } },
];
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];

let cloud: FakeUpstream;
let olla: SpawnedOlla;
let client: OpenAI;

beforeAll(async () => {
  cloud = new FakeUpstream({
    // As Anthropic's cloud writes it.
    list: (exchange) =>
      exchange.header("anthropic-version") === undefined || exchange.header("x-api-key") !== "sk-cloud"
        ? exchange.respondJson({ type: "error", error: { type: "authentication_error" } }, 401)
        : exchange.respondJson({
            data: [{ type: "model", id: model, display_name: "Tiny", created_at: "2026-01-01T00:00:00Z" }],
            has_more: false,
            first_id: model,
            last_id: model,
          }),
  });
  olla = await spawnOlla({ endpoints: [cloudEndpoint()], readiness: "all-probed" }, undefined, {}, files);
  client = new OpenAI({ baseURL: `${olla.url}/olla/openai/v1`, apiKey: "client-key", maxRetries: 0 });
  await waitForModel(olla);
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
});

beforeEach(() => {
  cloud.behave = say(hello);
});

function cloudEndpoint() {
  return {
    name: "cloud",
    url: cloud.url,
    type: "claude",
    priority: 10,
    // The fake has its list at the path without a query.
    model_url: "/v1/models",
    auth: { type: "api_key", header: "x-api-key", key: "sk-cloud" },
  };
}

async function waitForModel({ url }: SpawnedOlla): Promise<void> {
  await waitUntil(
    async () => (await (await fetch(`${url}/olla/openai/v1/models`)).text()).includes(model) || undefined,
    { what: "the cloud's model is listed for OpenAI's clients" },
  );
}

const lastAsked = () => cloud.requests.at(-1);

describe("the openai client", () => {
  test("finds the model, and gets a whole answer", async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([model]);
    const answer = await client.chat.completions.create({ model, messages, seed: 4, n: 1 });
    expect(answer.id).toStartWith("chatcmpl-");
    expect(answer.choices[0]).toMatchObject({
      index: 0,
      finish_reason: "stop",
      message: { role: "assistant", content: "Hello there you", refusal: null },
    });
    expect(answer.usage).toEqual({
      prompt_tokens: 12,
      completion_tokens: 9,
      total_tokens: 21,
      prompt_tokens_details: { cached_tokens: 5 },
    });
    const exchange = lastAsked();
    expect(exchange?.target).toBe("/v1/messages");
    expect(exchange?.header("anthropic-version")).toBe("2023-06-01");
    expect(exchange?.header("x-api-key")).toBe("sk-cloud");
    expect(exchange?.header("authorization")).toBeUndefined();
    expect(askedIn(exchange)).toEqual({ model, max_tokens: 8192, messages, stream: false });
  });

  test("gets a stream, its usage only when asked for", async () => {
    cloud.behave = say([thought, ...hello]);
    const read = async (extra: object) => {
      const stream = await client.chat.completions.create({ model, messages, stream: true, ...extra });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return chunks;
    };
    const plain = await read({});
    expect(
      new Set(plain.map(({ id, created, object, model: named }) => `${id} ${created} ${object} ${named}`))
        .size,
    ).toBe(1);
    expect(plain[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
    expect(plain.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello there you");
    expect(JSON.stringify(plain)).toContain('"reasoning_content":"Hm."');
    expect(plain.at(-1)?.choices[0]?.finish_reason).toBe("stop");
    expect(plain.some((chunk) => chunk.usage !== undefined)).toBe(false);
    const counted = await read({ stream_options: { include_usage: true } });
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 9 } });
    expect(counted.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  test("calls two tools at once, streamed and whole, and sends their results back as one message", async () => {
    cloud.behave = say(calls, "tool_use");
    const asked = { model, messages, tools, parallel_tool_calls: true };
    const whole = await client.chat.completions.create(asked);
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      expect(choices[0]?.finish_reason).toBe("tool_calls");
      const told = choices[0]?.message.tool_calls?.map((call) =>
        call.type === "function" ? [call.id, call.function.name, call.function.arguments] : [],
      );
      expect(told).toEqual([
        ["toolu_1", "weather", '{"city":"Perth"}'],
        ["toolu_2", "weather", '{"city":"Łódź"}'],
      ]);
    }
    cloud.behave = say(hello);
    const said = whole.choices[0]?.message;
    if (said === undefined) throw new Error("there is no message");
    await client.chat.completions.create({
      model,
      tools,
      messages: [
        ...messages,
        said,
        { role: "tool", tool_call_id: "toolu_2", content: "cold" },
        { role: "tool", tool_call_id: "toolu_1", content: "warm" },
        { role: "user", content: "and now?" },
      ],
    });
    const { messages: turns, tools: declared } = askedIn(lastAsked());
    expect(declared).toEqual([
      { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } },
    ]);
    expect(turns).toEqual([
      ...messages,
      { role: "assistant", content: calls },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_1", content: "warm" },
          { type: "tool_result", tool_use_id: "toolu_2", content: "cold" },
          { type: "text", text: "and now?" },
        ],
      },
    ]);
  });

  test("shows images, and asks for a schema", async () => {
    const schema = { type: "object", properties: { a: { type: "string" } }, additionalProperties: false };
    await client.chat.completions.create({
      model,
      max_completion_tokens: 50,
      stop: "END",
      temperature: 1.5,
      tool_choice: "required",
      tools,
      parallel_tool_calls: false,
      response_format: { type: "json_schema", json_schema: { name: "x", schema, strict: true } },
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } },
            { type: "image_url", image_url: { url: "https://example.test/a.png" } },
          ],
        },
      ],
    });
    expect(askedIn(lastAsked())).toMatchObject({
      system: "Be brief.",
      max_tokens: 50,
      stop_sequences: ["END"],
      temperature: 1,
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      output_config: { format: { type: "json_schema", schema } },
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
            { type: "image", source: { type: "url", url: "https://example.test/a.png" } },
          ],
        },
      ],
    });
  });

  test("gets refusals in its own words, with the endpoint's status and message", async () => {
    const errorOf = async () =>
      client.chat.completions.create({ model, messages }).then(
        () => undefined,
        (error: unknown) => error,
      );
    cloud.behave = refuse(529, "overloaded_error", "Overloaded");
    expect(await errorOf()).toMatchObject({
      status: 529,
      type: "overloaded_error",
      message: "529 Overloaded",
    });
    cloud.behave = refuse(400, "invalid_request_error", "prompt is too long: 201 tokens > 200 maximum");
    expect(await errorOf()).toMatchObject({ status: 400, code: "context_length_exceeded" });
  });

  test("throws on a stream that fails on the way, and never sees its end", async () => {
    cloud.behave = async (exchange) => {
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      for (const event of eventsOf(hello, "end_turn").slice(0, 5)) await sendEvent(exchange, event);
      const error = { type: "overloaded_error", message: "Overloaded" };
      await sendEvent(exchange, { type: "error", error });
      await exchange.endChunked();
    };
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    let said = "";
    const reading = (async () => {
      for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? "";
    })();
    expect(await reading.catch(String)).toContain("Overloaded");
    expect(said).toBe("Hello there ");
    cloud.behave = async (exchange) => {
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      for (const event of eventsOf(hello, "end_turn").slice(0, 5)) await sendEvent(exchange, event);
      exchange.close();
    };
    const raw = await fetch(`${olla.url}/olla/openai/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model, messages, stream: true }),
    });
    const text = await raw.text();
    expect(text).toContain('data: {"error":');
    expect(text).not.toContain("[DONE]");
  });

  test("is told at once what such an endpoint can't do", async () => {
    const before = cloud.requests.length;
    const errors = await Promise.all(
      [
        client.embeddings.create({ model, input: "hi" }),
        client.completions.create({ model, prompt: "hi" }),
        client.chat.completions.create({ model, messages, n: 2 }),
      ].map((asking: Promise<unknown>) => asking.catch(String)),
    );
    expect(errors[0]).toContain(
      "501 The endpoint of this model speaks only Anthropic's API, which has no embeddings",
    );
    expect(errors[1]).toContain("has no text completions");
    expect(errors[2]).toContain("400 n:");
    expect(cloud.requests.length).toBe(before);
  });
});

test("the access log has the tokens, and what the request was translated from", async () => {
  for (const stream of [false, true]) {
    const body = JSON.stringify({ model, messages, stream });
    const answer = await fetch(`${olla.url}/olla/openai/v1/chat/completions`, { method: "POST", body });
    await answer.text();
    const id = answer.headers.get("x-olla-request-id");
    const record = await waitUntil(() => olla.accessLog().find((line) => line.request_id === id), {
      what: "the request is logged",
    });
    expect(record).toMatchObject({ api: "chat-completions", mode: "translation", output_tokens: 9 });
  }
});

test("tokens are counted by the endpoint, with a version where the client names none", async () => {
  cloud.behave = (exchange) => exchange.respondJson({ input_tokens: 42 });
  const answer = await fetch(`${olla.url}/olla/anthropic/v1/messages/count_tokens`, {
    method: "POST",
    body: JSON.stringify({ model, messages }),
  });
  expect(answer.headers.get("x-olla-token-count")).toBe("native");
  expect(await answer.json()).toEqual({ input_tokens: 42 });
  expect(lastAsked()?.header("anthropic-version")).toBe("2023-06-01");
});

test("the Responses client gets its answer there, too", async () => {
  cloud.behave = say([thought, ...hello]);
  const answer = await client.responses.create({ model, input: "hi", reasoning: { effort: "low" } });
  expect(answer.output_text).toBe("Hello there you");
  expect(askedIn(lastAsked())).toMatchObject({ output_config: { effort: "low" }, messages });
  const stream = client.responses.stream({ model, input: "hi" });
  expect((await stream.finalResponse()).output_text).toBe("Hello there you");
});

test("Ollama's client gets its answer there, too, and is told what can't be had", async () => {
  const ollama = new Ollama({ host: `${olla.url}/olla/proxy` });
  expect((await ollama.chat({ model, messages })).message.content).toBe("Hello there you");
  let said = "";
  for await (const { message } of await ollama.chat({ model, messages, stream: true }))
    said += message.content;
  expect(said).toBe("Hello there you");
  const error = await ollama.embed({ model, input: "hi" }).catch(String);
  expect(error).toContain("has no embeddings");
});

test("a Messages client's bytes go there as they are, with a version where it sent none", async () => {
  const body = JSON.stringify({ model, max_tokens: 5, messages, cache_control: { type: "ephemeral" } });
  const answer = await fetch(`${olla.url}/olla/anthropic/v1/messages`, { method: "POST", body });
  expect(answer.headers.get("x-olla-mode")).toBe("passthrough");
  expect(lastAsked()?.text).toBe(body);
  expect(lastAsked()?.header("anthropic-version")).toBe("2023-06-01");
  cloud.behave = refuse(404, "not_found_error", "no such thing here");
  const before = cloud.requests.length;
  const headers = { "anthropic-version": "2099-01-01" };
  const missing = await fetch(`${olla.url}/olla/anthropic/v1/messages`, { method: "POST", body, headers });
  expect(missing.status).toBe(404);
  expect(cloud.requests.length).toBe(before + 1);
  expect(lastAsked()?.header("anthropic-version")).toBe("2099-01-01");
});

describe("an alias whose first step speaks chat completions", () => {
  const ask = (url: string, extra: object = {}) =>
    fetch(`${url}/olla/openai/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "coder", messages, ...extra }),
    });
  const sections = {
    model_aliases: { coder: ["local-tiny", { model, params: { stop: "X", max_completion_tokens: 77 } }] },
  };

  test("is answered by the second while the first is down", async () => {
    const port = await findDeadPort();
    await using fleet = await spawnOlla(
      {
        endpoints: [
          { name: "desk", url: `http://127.0.0.1:${port}`, type: "vllm", priority: 100 },
          cloudEndpoint(),
        ],
        sections,
        readiness: "all-probed",
      },
      undefined,
      {},
      files,
    );
    await waitForModel(fleet);
    const answer = await ask(fleet.url);
    expect(answer.headers.get("x-olla-endpoint")).toBe("cloud");
    expect(await answer.text()).toContain('"content":"Hello there you"');
    expect(askedIn(lastAsked())).toMatchObject({ model, max_tokens: 77, stop_sequences: ["X"] });
  });

  test("is asked in the client's own bytes while it is up, and left when it fails on the way", async () => {
    await using desk = new FakeUpstream({ kind: "vllm", models: ["local-tiny"] });
    await using fleet = await spawnOlla(
      {
        endpoints: [{ name: "desk", url: desk.url, type: "vllm", priority: 100 }, cloudEndpoint()],
        sections,
        readiness: "all-healthy",
      },
      undefined,
      {},
      files,
    );
    await waitForModel(fleet);
    const answer = await ask(fleet.url, { n: 1, logit_bias: {} });
    expect(answer.headers.get("x-olla-endpoint")).toBe("desk");
    expect(answer.headers.get("x-olla-mode")).toBeNull();
    expect(desk.requests.at(-1)?.text).toBe(
      JSON.stringify({ model: "local-tiny", messages, n: 1, logit_bias: {} }),
    );
    desk.behave = (exchange) => exchange.respondJson({ detail: "Not Found" }, 404);
    const lost = await ask(fleet.url);
    expect(lost.status).toBe(404);
    expect(desk.requests.length).toBe(2);
    desk.behave = (exchange) => exchange.respondJson({ error: "busy" }, 503);
    const moved = await ask(fleet.url, { stream: true });
    expect(moved.headers.get("x-olla-endpoint")).toBe("cloud");
    expect(await moved.text()).toEndWith("data: [DONE]\n\n");
    const stats = await (await fetch(`${fleet.url}/internal/stats/translators`)).json();
    expect(JSON.stringify(stats)).toContain('"chat-completions"');
  });
});

test("the page's configuration loads without a complaint", async () => {
  const path = "/page.yaml";
  const readFile = () => Promise.resolve(settings);
  const { config, problems } = await loadConfig({ path, env: {}, cwd: "/", readFile });
  expect(problems).toEqual([]);
  expect(config?.discovery.static.endpoints?.map(({ auth }) => auth?.header)).toEqual([
    undefined,
    "x-api-key",
  ]);
});

test("an endpoint of unknown kind is never taken for one", async () => {
  await using other = new FakeUpstream({ kind: "openai-compatible", models: ["tiny"] });
  await using fleet = await spawnOlla(
    { endpoints: [{ name: "other", url: other.url, type: "auto" }] },
    undefined,
    {},
    files,
  );
  const status = await (await fetch(`${fleet.url}/internal/status/endpoints`)).text();
  expect(status).not.toContain('"claude"');
  expect(other.probes.map(({ target }) => target)).not.toContain("/v1/models?limit=1000");
});
