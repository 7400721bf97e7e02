import { afterAll, beforeAll, expect, test } from "bun:test";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { type SimulatedEndpoint, startSimulatedEndpoint } from "../../src/cli/simulated-endpoint.ts";
import { systemClock } from "../../src/lib/clock.ts";

let endpoint: SimulatedEndpoint;
beforeAll(() => {
  endpoint = startSimulatedEndpoint({
    name: "sim-a",
    models: ["chat:1b", "embed:1b"],
    wordPauseMs: 1,
    clock: systemClock,
  });
});
afterAll(() => endpoint.stop());

const messages = [{ role: "user" as const, content: "Hello there" }];

function openai(): OpenAI {
  return new OpenAI({ baseURL: `${endpoint.url}/v1`, apiKey: "none", maxRetries: 0 });
}

test("an OpenAI client gets a stream of many words that say they are simulated, with usage at the end", async () => {
  const stream = await openai().chat.completions.create({ model: "chat:1b", messages, stream: true });
  const pieces: string[] = [];
  let tokens = 0;
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta.content ?? "");
    tokens = chunk.usage?.completion_tokens ?? tokens;
  }
  expect(pieces.length).toBeGreaterThan(10);
  expect(pieces.join("")).toContain("[simulated]");
  expect(pieces.join("")).toContain("Hello there");
  expect(tokens).toBe(pieces.length - 1);
});

test("an OpenAI client gets a whole answer, models and embeddings", async () => {
  const answer = await openai().chat.completions.create({ model: "chat:1b", messages });
  expect(answer.choices[0]?.message.content).toContain("sim-a");
  const { data } = await openai().models.list();
  expect(data.map((model) => model.id)).toEqual(["chat:1b", "embed:1b"]);
  const embeddings = await openai().embeddings.create({
    model: "embed:1b",
    input: ["a", "b"],
    encoding_format: "float",
  });
  expect(embeddings.data).toHaveLength(2);
});

test("an Ollama client gets a stream, a whole answer, models and embeddings", async () => {
  const ollama = new Ollama({ host: endpoint.url });
  const pieces: string[] = [];
  for await (const part of await ollama.chat({ model: "chat:1b", messages, stream: true })) {
    pieces.push(part.message.content);
  }
  expect(pieces.join("")).toContain("[simulated]");
  const whole = await ollama.generate({ model: "chat:1b", prompt: "Hello", stream: false });
  expect(whole.response).toContain("[simulated]");
  expect((await ollama.list()).models.map((model) => model.name)).toEqual(["chat:1b", "embed:1b"]);
  expect((await ollama.embed({ model: "embed:1b", input: "x" })).embeddings).toHaveLength(1);
});

test("what it does not know is refused as Ollama would", async () => {
  const post = (path: string, body: string) =>
    fetch(`${endpoint.url}${path}`, { method: "POST", body }).then((response) => response.status);
  expect(await post("/api/chat", '{"model":"none"}')).toBe(404);
  expect(await post("/api/chat", "no json")).toBe(400);
  expect(await post("/api/unknown", '{"model":"chat:1b"}')).toBe(404);
  expect((await fetch(`${endpoint.url}/`)).status).toBe(200);
});
