// A prompt that is too long, in each backend's words and each client's dialect, as a refusal and inside a stream.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { endpointOf } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, sseToken } from "../support/upstream-behaviours.ts";

interface Said {
  readonly backend: string;
  readonly status: number;
  readonly body: unknown;
  /** As the client's agent understands it. */
  readonly numbers?: string;
  /** Members of the endpoint's error object that stay. */
  readonly kept?: object;
}

const refusals: readonly Said[] = [
  {
    backend: "vLLM",
    status: 400,
    body: {
      error: {
        message:
          "This model's maximum context length is 16384 tokens. However, you requested 19591 tokens (9591 in the messages, 10000 in the completion). Please reduce the length of the messages or completion.",
        type: "BadRequestError",
        param: null,
        code: 400,
      },
    },
    numbers: "prompt is too long: 9591 tokens > 16384 maximum",
  },
  {
    backend: "vLLM before 0.10",
    status: 400,
    body: {
      object: "error",
      message:
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
      type: "BadRequestError",
      param: null,
      code: 400,
    },
    numbers: "prompt is too long: 9000 tokens > 8192 maximum",
  },
  {
    backend: "llama.cpp",
    status: 400,
    body: {
      error: {
        code: 400,
        message: "request (1407 tokens) exceeds the available context size (256 tokens), try increasing it",
        type: "exceed_context_size_error",
        n_prompt_tokens: 1407,
        n_ctx: 256,
      },
    },
    numbers: "prompt is too long: 1407 tokens > 256 maximum",
    kept: { n_prompt_tokens: 1407, n_ctx: 256 },
  },
  {
    backend: "llama.cpp before October 2025",
    status: 500,
    body: {
      error: {
        code: 500,
        message:
          "the request exceeds the available context size. try increasing the context size or enable context shift",
        type: "server_error",
        n_prompt_tokens: 1407,
        n_ctx: 256,
      },
    },
    numbers: "prompt is too long: 1407 tokens > 256 maximum",
    kept: { n_prompt_tokens: 1407 },
  },
  {
    backend: "Ollama",
    status: 400,
    body: {
      error: {
        message: "the input length exceeds the context length",
        type: "invalid_request_error",
        param: null,
        code: null,
      },
    },
    numbers: "prompt is too long",
  },
  {
    backend: "LM Studio",
    status: 400,
    body: {
      error:
        "Trying to keep the first 14538 tokens when context the overflows. However, the model is loaded with context length of only 2048 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input",
    },
    numbers: "prompt is too long: 14538 tokens > 2048 maximum",
  },
  {
    backend: "SGLang",
    status: 400,
    body: {
      object: "error",
      message: "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
      type: "BadRequestError",
      param: null,
      code: 400,
    },
    numbers: "prompt is too long: 61709 tokens > 40960 maximum",
  },
  {
    backend: "oMLX",
    status: 400,
    body: {
      error: {
        message: "Prompt too long: 41911 tokens exceeds max context window of 32768 tokens",
        type: "invalid_request_error",
      },
    },
    numbers: "prompt is too long: 41911 tokens > 32768 maximum",
  },
  {
    backend: "llama-cpp-python",
    status: 400,
    body: {
      error: {
        message: "Requested tokens (516) exceed context window of 512",
        type: "invalid_request_error",
        code: "context_length_exceeded",
        param: "messages",
      },
    },
    numbers: "prompt is too long: 516 tokens > 512 maximum",
    kept: { param: "messages" },
  },
];

/** The same under 200, where a stream should begin. */
const firstEvents: readonly (readonly [backend: string, event: string, numbers: string, kept?: object])[] = [
  [
    "LM Studio",
    'event: error\ndata: {"error":{"message":"Trying to keep the first 14538 tokens when context the overflows. However, the model is loaded with context length of only 2048 tokens"}}\n\n',
    "prompt is too long: 14538 tokens > 2048 maximum",
  ],
  [
    "llama.cpp",
    'data: {"error":{"code":400,"message":"request (1407 tokens) exceeds the available context size (256 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":1407,"n_ctx":256}}\n\n',
    "prompt is too long: 1407 tokens > 256 maximum",
    { n_ctx: 256 },
  ],
  [
    "vLLM",
    'data: {"error": {"object":"error","message":"This model\'s maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","type":"BadRequestError","param":null,"code":400}}\n\ndata: [DONE]\n\n',
    "prompt is too long: 9000 tokens > 8192 maximum",
  ],
];

function wordsOf(body: unknown): string {
  const { error = body } = body as { error?: unknown };
  return typeof error === "string" ? error : (error as { message: string }).message;
}

let upstream: FakeUpstream;
let native: FakeUpstream;
let olla: RunningOlla;
let nativeOlla: RunningOlla;

beforeAll(async () => {
  upstream = new FakeUpstream({ lacks: ["/v1/messages", "/v1/responses"] });
  native = new FakeUpstream({ kind: "vllm" });
  // Without retries each test sees its own refusal only.
  const proxy = { circuit_breaker: { enabled: false } };
  olla = await startOlla({ endpoints: [endpointOf(upstream, "one", { check_interval: "60s" })], proxy });
  nativeOlla = await startOlla({ endpoints: [endpointOf(native, "one", { check_interval: "60s" })], proxy });
});

afterAll(async () => {
  await olla.stop();
  await nativeOlla.stop();
  await upstream[Symbol.asyncDispose]();
  await native[Symbol.asyncDispose]();
});

async function ask(running: RunningOlla, path: string, isStream: boolean) {
  const messages = [{ role: "user", content: "hi" }];
  const answer = await fetch(`${running.url}/olla/proxy${path}`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", max_tokens: 9, input: "hi", messages, stream: isStream }),
  });
  expect(answer.headers.get("x-olla-endpoint")).toBe("one");
  expect(answer.headers.get("content-type")).toStartWith("application/json");
  return {
    status: answer.status,
    body: (await answer.json()) as { error: Record<string, unknown> | string },
  };
}

function streams(event: string): Behaviour {
  return async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(event);
    await exchange.endChunked();
  };
}

async function expectAll(
  behave: Behaviour,
  isStream: boolean,
  { words, numbers, kept }: { words: string; numbers: string; kept: object },
) {
  upstream.behave = behave;
  native.behave = behave;
  for (const running of [olla, nativeOlla]) {
    const anthropic = await ask(running, "/v1/messages", isStream);
    expect(anthropic).toMatchObject({
      status: 400,
      body: { type: "error", error: { type: "invalid_request_error" } },
    });
    const { message } = anthropic.body.error as { message: string };
    expect(message).toStartWith(numbers);
    expect(message).toContain(words);

    for (const path of ["/v1/chat/completions", "/v1/responses"]) {
      const openai = await ask(running, path, isStream);
      expect(openai).toMatchObject({
        status: 400,
        body: {
          error: { ...kept, type: "invalid_request_error", code: "context_length_exceeded", message: words },
        },
      });
    }

    const ollama = await ask(running, "/api/chat", isStream);
    expect(ollama.body).toEqual({ error: words });
    expect(ollama.status).toBeGreaterThanOrEqual(400);
  }
}

describe("a refusal by", () => {
  for (const { backend, status, body, numbers = "", kept = {} } of refusals) {
    test.each([false, true])(`${backend}, a stream asked for: %p`, async (isStream) => {
      await expectAll(answerJson(body, status), isStream, { words: wordsOf(body), numbers, kept });
    });
  }
});

describe("an error that begins the stream of", () => {
  for (const [backend, event, numbers, kept = {}] of firstEvents) {
    test(backend, async () => {
      const [, json = ""] = /data: (.*)\n/.exec(event) ?? [];
      await expectAll(streams(event), true, { words: wordsOf(JSON.parse(json)), numbers, kept });
    });
  }
});

test("what begins with any other error goes on as the endpoint sent it", async () => {
  const event = 'data: {"error":{"message":"out of memory","code":500}}\n\n';
  upstream.behave = streams(event);
  const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages: [], stream: true }),
  });
  expect([answer.status, await answer.text()]).toEqual([200, event]);
});

test("after the first content it is an error inside the stream", async () => {
  const [, event = ""] = firstEvents[1] ?? [];
  upstream.behave = streams(sseToken("alpha") + event);
  const answer = await fetch(`${olla.url}/olla/proxy/v1/messages`, {
    method: "POST",
    body: JSON.stringify({
      model: "tiny",
      max_tokens: 9,
      messages: [{ role: "user", content: "hi" }],
      stream: true,
    }),
  });
  const text = await answer.text();
  expect(answer.status).toBe(200);
  expect(text).toContain("event: error");
  expect(text).toContain("exceeds the available context size");
  expect(text).not.toContain("message_stop");
});
