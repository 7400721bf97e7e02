// The official Ollama client against the running app, over what Ollama 0.32.15 once answered.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Ollama } from "ollama";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { loadRecording, replayRecording } from "../support/wire-recording.ts";

const server = "ollama-0.32.15";
const model = "tiny:latest";

let upstream: FakeUpstream;
let olla: RunningOlla;
let client: Ollama;

async function playServer(): Promise<Behaviour> {
  const chat = await loadRecording(server, "post-api-chat");
  const generate = await loadRecording(server, "post-api-generate");
  const embed = replayRecording(await loadRecording(server, "post-api-embed"));
  const version = replayRecording(await loadRecording(server, "get-api-version"));
  const lastLine = (body: string): string => body.trim().split("\n").at(-1) ?? "";
  return (exchange) => {
    if (exchange.target === "/api/version") return version(exchange);
    if (exchange.target === "/api/embed") return embed(exchange);
    if (exchange.target === "/api/show") return exchange.respondJson(showAnswer);
    if (exchange.target === "/api/pull") return exchange.respondJson({ status: "success" });
    const recording = exchange.target === "/api/generate" ? generate : chat;
    const asked = JSON.parse(exchange.text) as { stream?: boolean; tools?: unknown[] };
    if (asked.tools !== undefined) return exchange.respondJson(toolCallAnswer);
    // Not streamed, Ollama sends the last object only.
    if (asked.stream === false) return exchange.respondJson(JSON.parse(lastLine(recording.body)));
    return replayRecording(recording)(exchange);
  };
}

/** Hand-made: none of the tiny models was recorded calling a tool. */
const toolCallAnswer = {
  model,
  created_at: "2026-11-20T20:51:43.827651728Z",
  message: {
    role: "assistant",
    content: "",
    tool_calls: [{ function: { name: "get_weather", arguments: { city: "Perth" } } }],
  },
  done: true,
  done_reason: "stop",
};

/** Hand-made with the members that 0.32.15 has, for want of a recording. */
const showAnswer = {
  modelfile: "FROM tiny",
  parameters: "",
  template: "{{ .Prompt }}",
  details: {
    parent_model: "",
    format: "gguf",
    family: "llama",
    families: ["llama"],
    parameter_size: "180K",
    quantization_level: "F16",
  },
  model_info: { "general.architecture": "llama", "llama.context_length": 8192 },
  capabilities: ["completion"],
  modified_at: "2026-11-20T20:50:11.656319671Z",
};

beforeAll(async () => {
  upstream = new FakeUpstream({
    kind: "ollama",
    list: replayRecording(await loadRecording(server, "get-api-tags")),
    loaded: replayRecording(await loadRecording(server, "get-api-ps")),
    behave: await playServer(),
  });
  olla = await startOlla({ endpoints: [{ name: "home", url: upstream.url, type: "ollama" }] });
  client = new Ollama({ host: `${olla.url}/olla/ollama` });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe("the ollama client", () => {
  test("chats", async () => {
    const answer = await client.chat({ model, messages: [{ role: "user", content: "hi" }] });
    expect(answer.done).toBe(true);
    expect(answer.eval_count).toBe(3);
  });

  test("streams a chat", async () => {
    const stream = await client.chat({ model, messages: [{ role: "user", content: "hi" }], stream: true });
    const parts: string[] = [];
    for await (const part of stream) parts.push(part.message.content);
    expect(parts).toEqual([" through", " made", " men", ""]);
  });

  test("streams a generation", async () => {
    const stream = await client.generate({ model, prompt: "hi", stream: true });
    let isDone = false;
    for await (const part of stream) isDone = part.done;
    expect(isDone).toBe(true);
  });

  test("gets tool calls", async () => {
    const answer = await client.chat({
      model,
      messages: [{ role: "user", content: "weather?" }],
      tools: [{ type: "function", function: { name: "get_weather", parameters: { type: "object" } } }],
    });
    expect(answer.message.tool_calls?.[0]?.function.arguments).toEqual({ city: "Perth" });
  });

  test("embeds", async () => {
    const answer = await client.embed({ model: "tiny-embed:latest", input: "hi" });
    expect(answer.embeddings[0]?.length).toBe(64);
  });

  test("lists the models", async () => {
    const { models } = await client.list();
    expect(models.map(({ name }) => name).sort()).toEqual([
      "tiny-b:latest",
      "tiny-embed:latest",
      "tiny-tools:latest",
      "tiny:latest",
    ]);
  });

  test("reads the version and what is loaded", async () => {
    expect((await client.version()).version).toBe("0.32.15");
    const [loaded] = (await client.ps()).models;
    expect(loaded?.name).toBe(model);
    expect(loaded).toHaveProperty("endpoint", "home");
  });

  test("shows a model", async () => {
    const shown = await client.show({ model });
    expect(shown.capabilities).toEqual(["completion"]);
    expect(shown.model_info).toHaveProperty(["llama.context_length"], 8192);
  });

  test("pulls at the endpoint that it names", async () => {
    const headers = { "X-Olla-Endpoint": "home" };
    const there = new Ollama({ host: `${olla.url}/olla/ollama`, headers });
    expect((await there.pull({ model: "fresh" })).status).toBe("success");
    expect(JSON.parse(upstream.requests.at(-1)?.text ?? "")).toMatchObject({ name: "fresh" });
  });

  test("is told what is missing when it deletes without naming an endpoint", async () => {
    const error = await client.delete({ model }).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty("status_code", 501);
    expect(String(error)).toContain("X-Olla-Endpoint: <name> (here: home)");
  });

  test("names a model without its tag, as Ollama's users do", async () => {
    const answer = await client.chat({ model: "tiny", messages: [{ role: "user", content: "hi" }] });
    expect(answer.done).toBe(true);
  });

  test("understands our error for a model that nobody has", async () => {
    const error = await client
      .chat({ model: "nobody-has-this", messages: [{ role: "user", content: "hi" }] })
      .catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty("status_code", 404);
    expect(String(error)).toContain("nobody-has-this");
  });

  test("that aborts a stream ends the generation", async () => {
    upstream.behave = async (exchange) => {
      await exchange.startChunked(200, { "Content-Type": "application/x-ndjson" });
      await exchange.chunk(`${JSON.stringify({ message: { content: "first" }, done: false })}\n`);
    };
    const stream = await client.chat({ model, messages: [{ role: "user", content: "hi" }], stream: true });
    const parts = stream[Symbol.asyncIterator]();
    await parts.next();
    const exchange = upstream.requests.at(-1);
    stream.abort();
    await exchange?.gone;
    await expect(parts.next()).rejects.toThrow();
  });
});
