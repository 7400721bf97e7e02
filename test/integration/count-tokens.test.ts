// How many tokens a message has: asked of an endpoint where one can tell, estimated where none can.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, hangBeforeHead } from "../support/upstream-behaviours.ts";

const request = {
  model: "tiny",
  system: [{ type: "text", text: "Be brief", cache_control: { type: "ephemeral" } }],
  messages: [
    { role: "user", content: "Hello world" },
    { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "read", input: { path: "a" } }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "done" }] },
  ],
  tools: [{ name: "read", description: "Reads", input_schema: { type: "object" } }],
};

function ask(
  olla: RunningOlla,
  body: unknown,
  { path = "/olla/anthropic/v1/messages/count_tokens", headers = {} } = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${olla.url}${path}`, {
    method: "POST",
    headers: { "anthropic-version": "2023-06-01", ...headers },
    body: text,
  });
}

async function startOne(type: string, behave: Behaviour, settings: Partial<OllaSettings> = {}) {
  const upstream = new FakeUpstream({
    kind: type === "openai-compatible" ? type : "vllm",
    models: ["tiny"],
    behave,
  });
  const olla = await startOlla({ endpoints: [{ name: "only", url: upstream.url, type }], ...settings });
  return {
    upstream,
    olla,
    async [Symbol.asyncDispose]() {
      await olla[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function countOf(answer: Response, source: string): Promise<unknown> {
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-olla-token-count")).toBe(source);
  expect(answer.headers.get("request-id")).toBe(answer.headers.get("x-olla-request-id"));
  const body = (await answer.json()) as { input_tokens: unknown };
  expect(Object.keys(body)).toEqual(["input_tokens"]);
  return body.input_tokens;
}

function jsonSent(upstream: FakeUpstream): Record<string, unknown> {
  return JSON.parse(questionTo(upstream)?.text ?? "") as Record<string, unknown>;
}

/** Some kinds are asked by GET now and then what they have loaded. */
function questionTo(upstream: FakeUpstream): FakeUpstream["requests"][number] | undefined {
  return upstream.requests.find(({ method }) => method === "POST");
}

describe("an endpoint that counts tokens itself", () => {
  test("is asked, with the request as it is", async () => {
    await using one = await startOne("llamacpp", answerJson({ input_tokens: 42 }));
    const answer = await ask(one.olla, request, { headers: { "anthropic-beta": "b" } });
    expect(await countOf(answer, "native")).toBe(42);
    expect(answer.headers.get("x-olla-endpoint")).toBe("only");
    expect(questionTo(one.upstream)?.target).toBe("/v1/messages/count_tokens");
    expect(questionTo(one.upstream)?.header("anthropic-beta")).toBe("b");
    expect(jsonSent(one.upstream)).toEqual(request);
  });

  test("is asked for what an alias stands for, and on every route", async () => {
    await using one = await startOne("llamacpp", answerJson({ input_tokens: 42 }), {
      sections: { model_aliases: { claude: ["tiny"] } },
    });
    for (const path of ["/v1/messages/count_tokens", "/olla/proxy/v1/messages/count_tokens"]) {
      const answer = await ask(one.olla, { ...request, model: "claude" }, { path });
      expect(await countOf(answer, "native")).toBe(42);
      expect(answer.headers.get("x-olla-model")).toBe("tiny");
    }
    expect(jsonSent(one.upstream)).toMatchObject({ model: "tiny" });
  });

  test("is asked at its tokenizer where it is too old to count", async () => {
    await using one = await startOne("llamacpp", (exchange) =>
      exchange.target === "/tokenize"
        ? exchange.respondJson({ tokens: [1, 2, 3] })
        : exchange.respondJson({ error: { code: 404, message: "File Not Found" } }, 404),
    );
    expect(await countOf(await ask(one.olla, request), "tokenizer")).toBe(3);
  });

  test("is asked at its tokenizer while passthrough is off", async () => {
    await using one = await startOne("llamacpp", answerJson({ tokens: [1, 2, 3] }), {
      sections: { translators: { anthropic: { passthrough_enabled: false } } },
    });
    expect(await countOf(await ask(one.olla, request), "tokenizer")).toBe(3);
    expect(questionTo(one.upstream)?.target).toBe("/tokenize");
    expect(jsonSent(one.upstream).content).toBe(
      'Be brief\nHello world\nread\n{"path":"a"}\ndone\nread\nReads\n{"type":"object"}',
    );
  });
});

describe("a tokenizer", () => {
  test("of vLLM gets the messages and the tools", async () => {
    await using one = await startOne("vllm", answerJson({ count: 17, max_model_len: 4096, tokens: [1] }));
    expect(await countOf(await ask(one.olla, request), "tokenizer")).toBe(17);
    expect(questionTo(one.upstream)?.target).toBe("/tokenize");
    expect(questionTo(one.upstream)?.header("anthropic-version")).toBeUndefined();
    expect(jsonSent(one.upstream)).toMatchObject({
      model: "tiny",
      add_generation_prompt: true,
      messages: [
        { role: "system", content: "Be brief" },
        { role: "user", content: "Hello world" },
        { role: "assistant" },
        { role: "tool", tool_call_id: "t1" },
      ],
      tools: [{ type: "function", function: { name: "read" } }],
    });
  });

  test("of SGLang gets the text", async () => {
    await using one = await startOne("sglang", answerJson({ tokens: [1, 2], count: 2, max_model_len: 4096 }));
    expect(await countOf(await ask(one.olla, request), "tokenizer")).toBe(2);
    expect(jsonSent(one.upstream)).toMatchObject({ model: "tiny" });
    expect(String(jsonSent(one.upstream).prompt)).toStartWith("Be brief\nHello world");
  });
});

describe("the estimate", () => {
  const estimate = 16;

  test.each([
    ["fails", answerJson({ error: "no" }, 500)],
    ["is not there", answerJson({ detail: "Not Found" }, 404)],
    ["answers something else", answerJson({ tokens: "many" })],
    ["breaks off", (exchange) => exchange.reset()],
  ] satisfies [string, Behaviour][])("stands in for a tokenizer that %s", async (_what, behave) => {
    await using one = await startOne("vllm", behave);
    const answer = await ask(one.olla, request);
    expect(await countOf(answer, "estimate")).toBe(estimate);
    expect(answer.headers.get("x-olla-endpoint")).toBeNull();
    // The endpoint is not blamed: it was not asked for an answer.
    const status = await (await fetch(`${one.olla.url}/internal/status`)).json();
    expect(JSON.stringify(status)).toContain('"status":"healthy"');
  });

  test("stands in for a tokenizer that takes too long, and the endpoint learns that nobody waits", async () => {
    await using one = await startOne("vllm", hangBeforeHead);
    const startedAt = performance.now();
    expect(await countOf(await ask(one.olla, request), "estimate")).toBe(estimate);
    expect(performance.now() - startedAt).toBeWithin(1_900, 3_500);
    await questionTo(one.upstream)?.gone;
  });

  test.each([
    ["a kind without a tokenizer", { ...request }, estimate],
    ["a request without a model", { messages: [{ role: "user", content: "Hello world" }] }, 2],
    ["nothing", {}, 1],
    ["a model that nobody has", { ...request, model: "nobodys" }, estimate],
  ])("serves for %s", async (_what, body, tokens) => {
    await using one = await startOne("openai-compatible", answerJson({}));
    expect(await countOf(await ask(one.olla, body), "estimate")).toBe(tokens);
    expect(questionTo(one.upstream)).toBeUndefined();
  });

  test.each(["", "nonsense", "[1]", '"text"'])("does not serve for %p", async (body) => {
    await using one = await startOne("vllm", answerJson({ count: 1 }));
    const answer = await ask(one.olla, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      type: "error",
      error: {
        type: "invalid_request_error",
        message: expect.stringContaining("failed to parse request"),
      },
      request_id: answer.headers.get("request-id"),
    });
  });
});
