// In a process of its own: the limit of Bun's parser is set at process start, and ours must be the one that speaks.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type SpawnedOlla, spawnOlla } from "../support/spawn-olla.ts";

const chat = "POST /olla/proxy/v1/chat/completions HTTP/1.1";
const body = '{"model":"tiny"}';

let upstream: FakeUpstream;
let olla: SpawnedOlla;

beforeAll(async () => {
  upstream = new FakeUpstream({ kind: "vllm" });
  olla = await spawnOlla({ endpoints: [{ name: "one", url: upstream.url, type: "vllm" }] });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function headersOf(bytes: number): string[] {
  const value = "f".repeat(8_000);
  return Array.from({ length: Math.ceil(bytes / 8_000) }, (_, index) => `X-Flood-${index}: ${value}`);
}

test("a head over max_header_size gets a JSON 431, and the next request on the connection is served", async () => {
  using client = await RawClient.connect(olla.port);
  client.request(chat, headersOf(1_050_000), body);
  const refused = await client.readResponse();
  expect(refused.startLine).toContain("431");
  expect(refused.header("content-type")).toContain("application/json");
  expect(JSON.parse(refused.text)).toHaveProperty("error.code", "headers_too_large");
  if (client.isClosed) return;
  client.request(chat, [], body);
  expect((await client.readResponse()).startLine).toContain("200");
});

test("long headers within the limit reach the endpoint whole", async () => {
  using client = await RawClient.connect(olla.port);
  client.request(chat, [`X-Long: ${"l".repeat(100_000)}`], body);
  expect((await client.readResponse()).startLine).toContain("200");
  expect(upstream.requests.at(-1)?.header("x-long")?.length).toBe(100_000);
});

test("a flood beyond what the parser takes gets a 431 and costs nobody else anything", async () => {
  using client = await RawClient.connect(olla.port);
  client.request(chat, headersOf(4_000_000), body);
  expect((await client.readHead()).startLine).toContain("431");
  expect((await fetch(`${olla.url}/internal/health`)).status).toBe(200);
});
