// Ollama's own client in front of an endpoint that has never heard of Ollama.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Ollama } from "ollama";
import { endpointOf } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, completionOf, hangAfterTokens, streamTokens } from "../support/upstream-behaviours.ts";
import { loadRecording } from "../support/wire-recording.ts";

const model = "org/tiny";
const messages = [{ role: "user", content: "hi" }];
const usage = { prompt_tokens: 22, completion_tokens: 3, total_tokens: 25 };

let upstream: FakeUpstream;
let olla: RunningOlla;
let client: Ollama;

beforeAll(async () => {
  upstream = new FakeUpstream({ kind: "vllm", models: [model] });
  olla = await startOlla({
    endpoints: [endpointOf(upstream, "one", { check_interval: "60s" })],
    sections: { model_aliases: { "small:latest": [model] } },
  });
  client = new Ollama({ host: `${olla.url}/olla/proxy` });
});

afterAll(async () => {
  await olla.stop();
  await upstream[Symbol.asyncDispose]();
});

beforeEach(() => {
  upstream.behave = answerJson(completionOf("fine", model));
});

function asked(): { readonly target: string | undefined; readonly body: Record<string, unknown> } {
  const exchange = upstream.requests.at(-1);
  return { target: exchange?.target, body: JSON.parse(exchange?.text ?? "null") as Record<string, unknown> };
}

function streamEvents(...events: readonly unknown[]): void {
  upstream.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    for (const event of events) await exchange.chunk(`data: ${JSON.stringify(event)}\n\n`);
    await exchange.chunk("data: [DONE]\n\n");
    await exchange.endChunked();
  };
}

function delta(said: object, finish: string | null = null): unknown {
  return { model, choices: [{ index: 0, delta: said, finish_reason: finish }] };
}

/** The members of an object and of what stands in it. */
function shapeOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, each]) => shapeOf(each, `${path}.${key}`));
}

describe("the ollama client, with a vLLM behind", () => {
  test("finds a model under its name with the tag that such clients add", async () => {
    const { message } = await client.chat({ model: `${model}:latest`, messages });
    expect(message.content).toBe("fine");
    expect(asked().body.model).toBe(model);
    const { model_info } = await client.show({ model: `${model}:latest` });
    expect(model_info).toMatchObject({ "general.basename": `${model}:latest` });
  });

  test("chats", async () => {
    const answer = await client.chat({ model, messages });
    expect(answer).toMatchObject({
      model,
      message: { role: "assistant", content: "fine" },
      done: true,
      done_reason: "stop",
      prompt_eval_count: 3,
      eval_count: 1,
    });
    expect(answer.eval_duration).toBeGreaterThan(0);
    expect(answer.total_duration).toBeGreaterThanOrEqual(answer.eval_duration);
    expect(asked()).toMatchObject({
      target: "/v1/chat/completions",
      body: { model, messages, stream: false },
    });
  });

  test("gets its own name of the model back, with its tag or without", async () => {
    for (const name of ["small:latest", model]) {
      const answer = await client.chat({ model: name, messages });
      expect(answer.model).toBe(name);
      expect(asked().body.model).toBe(model);
    }
  });

  test("streams a chat, piece by piece, with all that Ollama's lines have", async () => {
    streamEvents(
      delta({ role: "assistant", content: "" }),
      delta({ reasoning_content: "hmm" }),
      delta({ content: "fi" }),
      delta({ content: "ne" }, "length"),
      { model, choices: [], usage },
    );
    const stream = await client.chat({ model, messages, stream: true });
    const parts = await Array.fromAsync(stream);
    expect(parts.map(({ message }) => message.thinking ?? message.content)).toEqual(["hmm", "fi", "ne", ""]);
    expect(parts.at(-1)).toMatchObject({
      done: true,
      done_reason: "length",
      prompt_eval_count: 22,
      eval_count: 3,
    });
    const { body } = await loadRecording("ollama-0.32.15", "post-api-chat");
    const recorded = body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(shapeOf(parts[1])).toEqual(shapeOf(recorded[0]));
    expect(shapeOf(parts.at(-1))).toEqual(shapeOf(recorded.at(-1)));
  });

  test("sends images, tools, calls and results as chat completions know them, and gets calls back", async () => {
    upstream.behave = answerJson({
      model,
      choices: [
        {
          finish_reason: "tool_calls",
          message: {
            content: null,
            tool_calls: [
              {
                id: "call_a",
                type: "function",
                function: { name: "get_weather", arguments: '{"city":"Perth"}' },
              },
              { id: "call_b", type: "function", function: { name: "get_time", arguments: "" } },
            ],
          },
        },
      ],
    });
    const parameters = {
      type: "object",
      properties: { city: { type: "string", enum: ["Perth"] } },
      required: ["city"],
      additionalProperties: false,
    };
    const answer = await client.chat({
      model,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "look", images: ["iVBORw0KGgo=", "/9j/4AAQ"] },
        {
          role: "assistant",
          content: "",
          thinking: "hmm",
          tool_calls: [
            { function: { name: "get_time", arguments: {} } },
            { function: { name: "get_weather", arguments: { city: "Perth" } } },
          ],
        },
        { role: "tool", content: "sunny", tool_name: "get_weather" },
        { role: "tool", content: "noon" },
      ],
      tools: [{ type: "function", function: { name: "get_weather", description: "now", parameters } }],
    });
    expect(answer.message.tool_calls as unknown).toEqual([
      { id: "call_a", function: { index: 0, name: "get_weather", arguments: { city: "Perth" } } },
      { id: "call_b", function: { index: 1, name: "get_time", arguments: {} } },
    ]);
    const sent = asked().body;
    expect(sent.messages).toMatchObject([
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
          { type: "image_url", image_url: { url: "data:image/jpeg;base64,/9j/4AAQ" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [
          { id: "call_0", function: { name: "get_time", arguments: "{}" } },
          { id: "call_1", function: { name: "get_weather", arguments: '{"city":"Perth"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_0", content: "noon" },
      { role: "tool", tool_call_id: "call_1", content: "sunny" },
    ]);
    expect(sent.tools).toEqual([
      { type: "function", function: { name: "get_weather", description: "now", parameters } },
    ]);
  });

  test("gets streamed calls whole, in one line before the last", async () => {
    const call = (index: number, more: object) => ({ tool_calls: [{ index, ...more }] });
    streamEvents(
      delta(call(0, { id: "call_a", function: { name: "get_weather", arguments: "" } })),
      delta(call(0, { function: { arguments: '{"city":' } })),
      delta(call(1, { id: "call_b", function: { name: "get_time", arguments: "" } })),
      delta(call(0, { function: { arguments: '"Perth"}' } }), "tool_calls"),
      { model, choices: [], usage },
    );
    const parts = await Array.fromAsync(await client.chat({ model, messages, stream: true }));
    expect(parts.length).toBe(2);
    expect(parts[0]?.message.tool_calls?.map((each) => each.function.arguments)).toEqual([
      { city: "Perth" },
      {},
    ]);
    expect(parts[1]).toMatchObject({ done: true, done_reason: "stop" });
    expect(parts[1]?.eval_duration).toBeGreaterThan(0);
  });

  test("says what it wants of the answer", async () => {
    const schema = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };
    await client.chat({
      model,
      messages,
      format: schema,
      think: "high",
      keep_alive: "5m",
      options: {
        num_predict: 9,
        temperature: 0,
        top_k: 5,
        top_p: 0.5,
        seed: 1,
        stop: ["."],
        repeat_penalty: 1.1,
        num_ctx: 4096,
      },
    });
    expect(asked().body).toMatchObject({
      response_format: { type: "json_schema", json_schema: { schema } },
      reasoning_effort: "high",
      max_tokens: 9,
      temperature: 0,
      top_k: 5,
      top_p: 0.5,
      seed: 1,
      stop: ["."],
      repetition_penalty: 1.1,
    });
    for (const member of ["options", "keep_alive", "think", "format", "num_ctx"]) {
      expect(asked().body).not.toHaveProperty(member);
    }
    await client.chat({ model, messages, format: "json", think: false, options: { num_predict: -1 } });
    expect(asked().body).toMatchObject({
      response_format: { type: "json_object" },
      chat_template_kwargs: { enable_thinking: false },
    });
    expect(asked().body).not.toHaveProperty("max_tokens");
  });

  test("generates, whole and streamed", async () => {
    const answer = await client.generate({ model, prompt: "hi", system: "Be brief." });
    expect(answer).toMatchObject({ model, response: "fine", done: true, done_reason: "stop" });
    expect(asked().body.messages).toEqual([{ role: "system", content: "Be brief." }, ...messages]);
    upstream.behave = streamTokens(["fi", "ne"]);
    const parts = await Array.fromAsync(await client.generate({ model, prompt: "hi", stream: true }));
    expect(parts.map(({ response }) => response)).toEqual(["fi", "ne", ""]);
    const { body } = await loadRecording("ollama-0.32.15", "post-api-generate");
    const recorded = body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(shapeOf(parts[0])).toEqual(shapeOf(recorded[0]));
    // Tokens of its own that nobody but Ollama could read.
    expect(shapeOf(parts.at(-1))).toEqual(shapeOf(recorded.at(-1)).filter((member) => member !== ".context"));
  });

  test("generates from a raw prompt without another template around it", async () => {
    const prompt = "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>";
    const choice = { index: 0, text: "fine", finish_reason: "stop" };
    upstream.behave = answerJson({ object: "text_completion", model, choices: [choice], usage });
    const answer = await client.generate({
      model,
      prompt,
      raw: true,
      options: { num_predict: 5, stop: ["<|"] },
    });
    expect(answer).toMatchObject({ response: "fine", done: true, eval_count: 3 });
    expect(asked()).toMatchObject({
      target: "/v1/completions",
      body: { model, prompt, max_tokens: 5, stop: ["<|"] },
    });
    expect(asked().body).not.toHaveProperty("messages");

    streamEvents(
      { choices: [{ index: 0, text: "fi", finish_reason: null }] },
      { choices: [{ index: 0, text: "ne", finish_reason: "length" }] },
      { choices: [], usage },
    );
    const parts = await Array.fromAsync(await client.generate({ model, prompt, raw: true, stream: true }));
    expect(parts.map(({ response }) => response)).toEqual(["fi", "ne", ""]);
    expect(parts.at(-1)).toMatchObject({ done: true, done_reason: "length", eval_count: 3 });
    expect(asked().body.max_tokens).toBeGreaterThan(16);

    upstream.behave = async (exchange) => {
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      await exchange.chunk(`data: ${JSON.stringify({ choices: [{ index: 0, text: "fi" }] })}\n\n`);
      await exchange.endChunked();
    };
    const cut = Array.fromAsync(await client.generate({ model, prompt, raw: true, stream: true }));
    await expect(cut).rejects.toThrow(/broke off/);
  });

  test("embeds one text and several, in their order", async () => {
    const entries = [
      { object: "embedding", index: 1, embedding: [3, 4] },
      { object: "embedding", index: 0, embedding: [1, 2] },
    ];
    upstream.behave = answerJson({
      object: "list",
      data: entries,
      model,
      usage: { prompt_tokens: 4, total_tokens: 4 },
    });
    const answer = await client.embed({ model, input: ["a", "b"], dimensions: 2 });
    expect(answer).toMatchObject({
      model,
      embeddings: [
        [1, 2],
        [3, 4],
      ],
      prompt_eval_count: 4,
    });
    const { body } = await loadRecording("ollama-0.32.15", "post-api-embed");
    expect(shapeOf(answer).sort()).toEqual(shapeOf(JSON.parse(body)).sort());
    expect(asked()).toMatchObject({
      target: "/v1/embeddings",
      body: { model, input: ["a", "b"], dimensions: 2 },
    });

    const tooFew = await client.embed({ model, input: ["a", "b", "c"] }).catch((error: unknown) => error);
    expect(tooFew).toHaveProperty("status_code", 502);

    upstream.behave = answerJson({ data: [{ index: 0, embedding: [1, 2] }] });
    expect((await client.embeddings({ model, prompt: "a" })).embedding).toEqual([1, 2]);

    const count = upstream.requests.length;
    expect((await client.embed({ model, input: [] })).embeddings).toEqual([]);
    expect((await client.embed({ model, input: "" })).embeddings).toEqual([]);
    expect(upstream.requests.length).toBe(count);
  });

  test("that aborts a stream ends the generation", async () => {
    upstream.behave = hangAfterTokens(["first"]);
    const stream = await client.chat({ model, messages, stream: true });
    const parts = stream[Symbol.asyncIterator]();
    await parts.next();
    const exchange = upstream.requests.at(-1);
    stream.abort();
    await exchange?.gone;
    await expect(parts.next()).rejects.toThrow();
  });

  test("hears of a broken stream and of a refusal in the endpoint's words", async () => {
    upstream.behave = async (exchange) => {
      await hangAfterTokens(["first"])(exchange);
      await exchange.chunk('data: {"error":{"message":"out of memory"}}\n\n');
      await exchange.endChunked();
    };
    const broken = Array.fromAsync(await client.chat({ model, messages, stream: true }));
    await expect(broken).rejects.toThrow("out of memory");
    upstream.behave = answerJson(
      { error: { message: "no such grammar", type: "BadRequestError", code: 400 } },
      400,
    );
    const refused = await client.chat({ model, messages }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status_code: 400, error: "no such grammar" });
  });

  test("is told what is wrong with its own request", async () => {
    const wrong = [
      { model, messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }] },
      { model, messages: "hi" },
    ];
    for (const body of wrong) {
      const answer = await fetch(`${olla.url}/olla/proxy/api/chat`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as { error: string }).error).toMatch(/^messages/);
    }
    const suffix = await client
      .generate({ model, prompt: "a", suffix: "b" })
      .catch((error: unknown) => error);
    expect(suffix).toHaveProperty("status_code", 400);
  });

  test("an empty message is a message, not a wish to load the model", async () => {
    await client.chat({ model, messages: [{ role: "user", content: "" }] });
    expect(asked().body.messages).toEqual([{ role: "user", content: "" }]);
  });
});
