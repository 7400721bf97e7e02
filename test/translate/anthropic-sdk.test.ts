// The official client reads our streams: what it puts together from one is what it reads from the whole answer.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { toBytes, toText } from "../support/bytes.ts";
import {
  readStreamFixture,
  streamedRequest,
  targetOf,
  translateMessages,
} from "./support/translate-stream.ts";

type Message = Anthropic.Message;

/** What the endpoint is about to say. */
let stream = "";
let whole: object = {};
let server: ReturnType<typeof Bun.serve>;
let client: Anthropic;

async function answer(request: Request): Promise<Response> {
  const body = (await request.json()) as { stream?: boolean };
  const translation = translateMessages(body);
  const headers = { "request-id": "req-1" };
  if (body.stream !== true) {
    const { body: bytes, contentType } = translation.decodeWhole(
      toBytes(JSON.stringify(whole)),
      targetOf("vllm"),
    );
    return new Response(bytes, { headers: { ...headers, "Content-Type": contentType } });
  }
  const translated = translation.openStream(targetOf("vllm"));
  const pieces = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const event of stream.split(/(?<=\n\n)/)) {
        controller.enqueue(translated.push(toBytes(event)) ?? new Uint8Array());
      }
      controller.enqueue(translated.end() ?? new Uint8Array());
      controller.close();
    },
  });
  return new Response(pieces, { headers: { ...headers, "Content-Type": translated.contentType } });
}

beforeAll(() => {
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  client = new Anthropic({ apiKey: "none", baseURL: server.url.href, maxRetries: 0 });
});

afterAll(() => server.stop(true));

const { stream: _, ...request } = streamedRequest;
const asked = request as Anthropic.MessageCreateParamsNonStreaming;

interface WireCall {
  readonly id: string;
  readonly name: string;
  readonly said: string;
}

/** The whole answer that the same server would have given instead of this stream, put together by the book. */
function joinChunks(text: string): object {
  let reasoning = "";
  let content = "";
  let finish: object = {};
  let usage: unknown;
  const calls = new Map<number, WireCall>();
  for (const line of text.split("\n")) {
    if (!line.startsWith("data: {")) continue;
    const chunk = JSON.parse(line.slice(6));
    usage = chunk.usage ?? usage;
    const choice = chunk.choices[0];
    if (choice === undefined) continue;
    reasoning += choice.delta.reasoning_content ?? choice.delta.reasoning ?? "";
    content += choice.delta.content ?? "";
    if (choice.finish_reason)
      finish = { finish_reason: choice.finish_reason, stop_reason: choice.stop_reason };
    for (const call of choice.delta.tool_calls ?? []) {
      const isNew = call.id !== undefined && call.id !== calls.get(call.index)?.id;
      const place = isNew ? calls.size : call.index;
      const known = calls.get(place) ?? { id: call.id, name: call.function.name, said: "" };
      calls.set(place, { ...known, said: known.said + (call.function.arguments ?? "") });
    }
  }
  const tool_calls = [...calls.values()].map(({ id, name, said }) => ({
    id,
    type: "function",
    function: { name, arguments: said },
  }));
  const message = { role: "assistant", content, reasoning_content: reasoning, tool_calls };
  return { model: "the-model", choices: [{ index: 0, message, ...finish }], usage };
}

/** Without what is made up anew for each answer, and what the client notes for itself while it reads a stream. */
function toldBy(message: Message): object {
  const { id, model, ...told } = message;
  expect(id).toStartWith("msg_01");
  expect(model).not.toBe("");
  const own = new Set(["parsed_output", "stop_details", "__json_buf"]);
  return JSON.parse(JSON.stringify(told, (name, value) => (own.has(name) ? undefined : value)));
}

describe.each([
  "llama-server-b10488",
  "llama-cpp-python-0.3.36",
  "ollama-0.32.15",
  "vllm-handmade tools",
  "vllm-handmade stop-sequence",
  "vllm-handmade usage-always",
  "ollama-handmade tools",
  "sglang-handmade tools",
  "sglang-handmade all-in-one",
  "llamacpp-handmade tools",
])("%s", (name) => {
  test("is read from the stream as from the whole answer", async () => {
    stream = toText(await readStreamFixture(name));
    whole = joinChunks(stream);
    const fromWhole = await client.messages.create(asked);
    const fromStream = await client.messages.stream(asked).finalMessage();
    expect(fromWhole.content.length).toBeGreaterThan(0);
    expect(toldBy(fromStream)).toEqual(toldBy(fromWhole));
  });
});

test("the tools' inputs are the client's own objects", async () => {
  stream = toText(await readStreamFixture("vllm-handmade tools"));
  const inputs: unknown[] = [];
  const read = client.messages.stream(asked).on("contentBlock", (block) => {
    if (block.type === "tool_use") inputs.push(block.input);
  });
  const message = await read.finalMessage();
  expect(inputs).toEqual([{ city: "Perth" }, { city: "Zürich" }]);
  expect(message.stop_reason).toBe("tool_use");
});

test.each([
  ["vllm-handmade error", "EngineCore encountered an issue"],
  ["lm-studio-handmade error-event", "prompt is too long: 18482 tokens > 4096 maximum"],
  ["any-server-handmade cut", "stopped before its end"],
])("%s is an error to it, and no message", async (name, words) => {
  stream = toText(await readStreamFixture(name));
  const error = await client.messages
    .stream(asked)
    .finalMessage()
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Anthropic.APIError);
  expect(String(error)).toContain(words);
});

test("an endpoint that answers whole although a stream was asked for is read as a stream", async () => {
  stream = "";
  whole = joinChunks(toText(await readStreamFixture("vllm-handmade tools")));
  const translation = translateMessages(streamedRequest);
  const { body, contentType } = translation.decodeWhole(toBytes(JSON.stringify(whole)), targetOf("vllm"));
  expect(contentType).toBe("text/event-stream");
  using replay = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(body, { headers: { "Content-Type": contentType } }),
  });
  const other = new Anthropic({ apiKey: "none", baseURL: replay.url.href, maxRetries: 0 });
  const fromStream = await other.messages.stream(asked).finalMessage();
  expect(toldBy(fromStream)).toEqual(toldBy(await client.messages.create(asked)));
});
