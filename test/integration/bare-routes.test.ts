// Paths without `/olla/…` in front, for programs that cannot set one.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type OllaSettings, startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

async function startTwo(settings: Partial<OllaSettings> = {}) {
  const ollama = new FakeUpstream({
    kind: "ollama",
    models: ["gem:2b"],
    behave: (exchange) => exchange.respondJson({ from: exchange.target, version: "0.9.1" }),
  });
  const vllm = new FakeUpstream({ kind: "vllm", models: ["big"] });
  const olla = await startOlla({
    endpoints: [
      { name: "ollama", url: ollama.url, type: "ollama" },
      { name: "vllm", url: vllm.url, type: "vllm" },
    ],
    ...settings,
  });
  return {
    ollama,
    vllm,
    olla,
    async [Symbol.asyncDispose]() {
      await olla[Symbol.asyncDispose]();
      await ollama[Symbol.asyncDispose]();
      await vllm[Symbol.asyncDispose]();
    },
  };
}

async function json(answer: Promise<Response>): Promise<Record<string, unknown>> {
  return (await (await answer).json()) as Record<string, unknown>;
}

describe("a path without a prefix", () => {
  test("is OpenAI's below /v1, for every endpoint that speaks it", async () => {
    await using two = await startTwo();
    const ask = (model: string) =>
      fetch(`${two.olla.url}/v1/chat/completions?x=1`, {
        method: "POST",
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
      });
    expect((await ask("big")).headers.get("x-olla-endpoint")).toBe("vllm");
    expect((await ask("gem:2b")).headers.get("x-olla-endpoint")).toBe("ollama");
    expect(two.vllm.requests[0]?.target).toBe("/v1/chat/completions?x=1");
    expect(await json(fetch(`${two.olla.url}/v1/models`))).toMatchObject({
      object: "list",
      data: [{ id: "big" }, { id: "gem:2b" }],
    });
    expect(await json(fetch(`${two.olla.url}/v1/models/gem:2b`))).toMatchObject({ id: "gem:2b" });
  });

  test("is Ollama's below /api, with every model of every kind", async () => {
    await using two = await startTwo();
    const { models } = await json(fetch(`${two.olla.url}/api/tags`));
    expect((models as { name: string }[]).map(({ name }) => name)).toEqual(["big", "gem:2b"]);
    expect(await json(fetch(`${two.olla.url}/api/version`))).toEqual({ version: "0.9.1" });
    expect(await json(fetch(`${two.olla.url}/api/ps`))).toMatchObject({ models: [{ name: "big" }] });
    const chat = await fetch(`${two.olla.url}/api/chat`, {
      method: "POST",
      body: JSON.stringify({
        model: "big",
        stream: false,
        messages: [{ role: "user", content: "hi" }],
      }),
    });
    expect(await chat.json()).toMatchObject({ message: { role: "assistant", content: "hello" }, done: true });
    expect(two.vllm.requests.at(-1)?.target).toBe("/v1/chat/completions");
  });

  test("of Ollama's leads to a kind that lists no such path, too, when Ollama itself is busy", async () => {
    await using ollama = new FakeUpstream({
      kind: "ollama",
      models: ["both"],
      behave: answerJson({ error: "busy" }, 503),
    });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["both"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "ollama", url: ollama.url, type: "ollama" },
        { name: "vllm", url: vllm.url, type: "vllm" },
      ],
    });
    const answer = await fetch(`${olla.url}/api/chat`, {
      method: "POST",
      body: JSON.stringify({ model: "both", stream: false, messages: [{ role: "user", content: "hi" }] }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-olla-endpoint")).toBe("vllm");
    expect(ollama.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  test("that changes what an endpoint has needs its name, as everywhere", async () => {
    await using two = await startTwo();
    const pull = (headers: Record<string, string>) =>
      fetch(`${two.olla.url}/api/pull`, { method: "POST", headers, body: '{"model":"x"}' });
    expect((await pull({})).status).toBe(501);
    expect((await pull({ "x-olla-endpoint": "ollama" })).status).toBe(200);
    expect(two.ollama.requests.map(({ target }) => target)).toContain("/api/pull");
  });

  test("takes nothing away from Olla's own paths", async () => {
    await using two = await startTwo();
    expect(await json(fetch(`${two.olla.url}/`))).toMatchObject({ name: "Olla" });
    expect((await fetch(`${two.olla.url}/`, { method: "HEAD" })).status).toBe(200);
    expect(await json(fetch(`${two.olla.url}/version`))).toMatchObject({ name: "Olla" });
    for (const path of ["/v1", "/api", "/v2/models", "/v10/models", "/apis"]) {
      expect((await fetch(`${two.olla.url}${path}`)).status).toBe(404);
    }
  });

  test.each([
    ["/v1/chat/completions", "/olla/openai/v1/chat/completions"],
    ["/v1/messages", "/olla/anthropic/v1/messages"],
    ["/api/tags", "/olla/proxy/api/tags"],
  ])("%s, switched off, is a 404 that names %s", async (path, other) => {
    await using two = await startTwo({ server: { bare_routes: false } });
    const answer = await fetch(`${two.olla.url}${path}`, { method: "POST", body: '{"model":"big"}' });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain(`Did you mean ${other}?`);
    expect((await fetch(`${two.olla.url}/olla/proxy/api/tags`)).status).toBe(200);
  });
});

describe("a WebSocket", () => {
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };

  test.each([
    "/v1/responses",
    "/olla/openai/v1/responses",
    "/olla/proxy/v1/responses",
    "/olla/vllm/v1/realtime?model=big",
    "/v1/realtime",
  ])("at %s is refused at once with 426", async (path) => {
    await using two = await startTwo();
    const answer = await fetch(`${two.olla.url}${path}`, { headers: upgrade });
    expect(answer.status).toBe(426);
    expect(answer.headers.get("upgrade")).toBe("HTTP/1.1");
    expect(await answer.json()).toMatchObject({
      error: { code: "upgrade_required", type: "invalid_request_error", source: "olla" },
    });
    expect(two.ollama.requests.length + two.vllm.requests.length).toBe(0);
  });

  test("is refused on a connection that is as good as before", async () => {
    await using two = await startTwo();
    using client = await RawClient.connect(two.olla.port);
    const lines = Object.entries(upgrade).map(([name, value]) => `${name}: ${value}`);
    client.request("GET /v1/responses HTTP/1.1", lines);
    const { startLine, headers } = await client.readResponse();
    expect(startLine).toContain("426");
    const connection = headers.find(([name]) => name.toLowerCase() === "connection");
    expect(connection?.[1].toLowerCase()).toBe("upgrade");
    client.request("GET /internal/health HTTP/1.1");
    expect((await client.readResponse()).startLine).toContain("200");
  });

  test("without an upgrade there is nothing to be read at /v1/responses", async () => {
    await using two = await startTwo();
    const answer = await fetch(`${two.olla.url}/v1/responses`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
    expect(await answer.json()).toMatchObject({ error: { code: "method_not_allowed" } });
  });

  test("one stored answer is asked for as before", async () => {
    await using two = await startTwo();
    two.vllm.behave = answerJson({ id: "resp_1" });
    expect((await fetch(`${two.olla.url}/olla/vllm/v1/responses/resp_1`)).status).toBe(200);
  });
});
