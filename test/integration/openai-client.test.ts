// The official OpenAI client against the running app, over what real servers once answered.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { loadRecording, replayRecording } from "../support/wire-recording.ts";

const llamaServer = "llama-server-b10488";

/** Hand-made: none of the tiny models was recorded calling a tool. */
const toolCallAnswer = {
  id: "chatcmpl-tools",
  object: "chat.completion",
  created: 1795207903,
  model: "tiny",
  choices: [
    {
      index: 0,
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: "call_1",
            type: "function",
            function: { name: "get_weather", arguments: '{"city":"Perth"}' },
          },
        ],
      },
    },
  ],
};

const weatherTool = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;

let upstream: FakeUpstream;
let olla: RunningOlla;
let client: OpenAI;

async function playServer(): Promise<Behaviour> {
  const whole = replayRecording(await loadRecording(llamaServer, "post-v1-chat-completions-missing-model"));
  const stream = replayRecording(await loadRecording(llamaServer, "post-v1-chat-completions-stream"));
  const unhappy = replayRecording(await loadRecording(llamaServer, "post-v1-chat-completions-no-messages"));
  const embedding = replayRecording(await loadRecording("ollama-0.32.15", "post-api-embed"));
  return (exchange) => {
    const asked = JSON.parse(exchange.text) as { stream?: boolean; tools?: unknown[]; messages?: unknown[] };
    if (exchange.target === "/v1/embeddings") {
      return exchange.respondJson({
        object: "list",
        model: "tiny",
        data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
        usage: { prompt_tokens: 3, total_tokens: 3 },
      });
    }
    if (exchange.target === "/api/embed") return embedding(exchange);
    if (asked.messages?.length === 0) return unhappy(exchange);
    if (asked.tools !== undefined) return exchange.respondJson(toolCallAnswer);
    return asked.stream === true ? stream(exchange) : whole(exchange);
  };
}

beforeAll(async () => {
  upstream = new FakeUpstream({
    kind: "openai-compatible",
    list: replayRecording(await loadRecording(llamaServer, "get-v1-models")),
    behave: await playServer(),
  });
  olla = await startOlla({ endpoints: [{ name: "llama", url: upstream.url, type: "openai" }] });
  client = new OpenAI({ baseURL: `${olla.url}/olla/openai/v1`, apiKey: "client-key", maxRetries: 0 });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe("the openai client", () => {
  test("chats", async () => {
    const completion = await client.chat.completions.create({
      model: "tiny",
      messages: [{ role: "user", content: "hi" }],
    });
    expect(completion.choices[0]?.message.content).toBe(" tell these");
    expect(completion.usage?.total_tokens).toBe(24);
  });

  test("streams a chat with usage", async () => {
    const stream = await client.chat.completions.create({
      model: "tiny",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let content = "";
    let totalTokens: number | undefined;
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta.content ?? "";
      totalTokens = chunk.usage?.total_tokens ?? totalTokens;
    }
    expect(content).toBe(" through made call");
    expect(totalTokens).toBe(25);
  });

  test("gets tool calls, and sends its tools unchanged", async () => {
    const completion = await client.chat.completions.create({
      model: "tiny",
      messages: [{ role: "user", content: "weather?" }],
      tools: [weatherTool],
    });
    const [call] = completion.choices[0]?.message.tool_calls ?? [];
    expect(call?.type === "function" && call.function.arguments).toBe('{"city":"Perth"}');
    const sent = JSON.parse(upstream.requests.at(-1)?.text ?? "{}") as { tools: unknown };
    expect(sent.tools).toEqual([weatherTool]);
  });

  test("embeds", async () => {
    const answer = await client.embeddings.create({ model: "tiny", input: "hi", encoding_format: "float" });
    expect(answer.data[0]?.embedding).toEqual([0.25, -0.5]);
  });

  test("lists the models", async () => {
    const names: string[] = [];
    for await (const model of client.models.list()) names.push(model.id);
    expect(names).toEqual(["tiny"]);
  });

  test("understands our error for a model that nobody has", async () => {
    const error = await client.chat.completions
      .create({ model: "nobody-has-this", messages: [{ role: "user", content: "hi" }] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toHaveProperty("code", "model_not_found");
    expect(String(error)).toContain("nobody-has-this");
  });

  test("gets the upstream's own error as it was", async () => {
    const error = await client.chat.completions
      .create({ model: "tiny", messages: [] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(String(error)).toContain("'messages' is required");
  });

  test("never gets its key through to the endpoint", () => {
    const lines = upstream.requests.flatMap(({ headers }) => headers.map((line) => line.join(": ")));
    expect(lines.join("\n")).not.toContain("client-key");
  });
});
