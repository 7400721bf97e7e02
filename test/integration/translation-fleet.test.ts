// Fleets in which some endpoints know the client's API and others need a translation.
import { describe, expect, test } from "bun:test";
import { endpointAt, endpointOf, first, second } from "../conformance/engine/engine-case.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerHtml, answerJson, completionOf, hangBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const messages = [{ role: "user", content: "hi" }];

function ask(olla: RunningOlla, extra: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${olla.url}/olla/proxy/v1/messages`, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "tiny", max_tokens: 50, messages, ...extra }),
  });
}

function askResponses(olla: RunningOlla, extra: object = {}): Promise<Response> {
  return fetch(`${olla.url}/olla/proxy/v1/responses`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", input: "hi", ...extra }),
  });
}

function askOllama(olla: RunningOlla, body: object): Promise<Response> {
  return fetch(`${olla.url}/olla/proxy/api/chat`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", stream: false, ...body }),
  });
}

const nativeMessage = {
  id: "msg_native",
  type: "message",
  role: "assistant",
  model: "tiny",
  content: [{ type: "text", text: "natively" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};

/** Answers the Messages API at its path, chat completions elsewhere. */
function speaksBoth(path = "/v1/messages"): Behaviour {
  return (exchange) =>
    exchange.respondJson(exchange.target === path ? nativeMessage : completionOf("translated"));
}

/** Something else at the native path, chat completions elsewhere. */
function nativelyAnswers(native: Behaviour): Behaviour {
  return (exchange) =>
    exchange.target.endsWith("/chat/completions")
      ? exchange.respondJson(completionOf("translated"))
      : native(exchange);
}

/** Who answered, and how. */
async function servedBy(answer: Response): Promise<string> {
  const text = await answer.text();
  const said = text.includes("natively") ? "natively" : text.includes("translated") ? "translated" : text;
  return `${answer.status} ${answer.headers.get("x-olla-endpoint")} ${said}`;
}

const targets = (upstream: FakeUpstream) => upstream.requests.map(({ target }) => target);

describe("which endpoint", () => {
  test("one that knows the API is asked before one that needs a translation, whatever their priority", async () => {
    await using plain = new FakeUpstream({ behave: speaksBoth() });
    await using native = new FakeUpstream({ kind: "vllm", behave: speaksBoth() });
    await using olla = await startOlla({
      endpoints: [endpointOf(plain, "plain", first), endpointOf(native, "native", second)],
    });
    const answer = await ask(olla);
    expect(answer.headers.get("x-olla-mode")).toBe("passthrough");
    expect(await servedBy(answer)).toBe("200 native natively");
    expect(plain.requests.length).toBe(0);
  });

  test("while the one that knows it is busy, the other one answers in translation", async () => {
    await using plain = new FakeUpstream({ behave: speaksBoth() });
    await using native = new FakeUpstream({ kind: "vllm", behave: hangBeforeHead });
    await using olla = await startOlla({
      endpoints: [endpointOf(plain, "plain"), endpointOf(native, "native", { max_concurrent: 1 })],
    });
    const leaving = new AbortController();
    const held = fetch(`${olla.url}/olla/proxy/v1/messages`, {
      method: "POST",
      body: JSON.stringify({ model: "tiny", max_tokens: 1, messages }),
      signal: leaving.signal,
    }).catch(() => undefined);
    await native.exchange();
    const answer = await ask(olla);
    expect(answer.headers.get("x-olla-mode")).toBeNull();
    expect(await servedBy(answer)).toBe("200 plain translated");
    leaving.abort();
    await held;
  });

  test("when the one that knows it is gone or refuses, the other one answers in translation", async () => {
    await using plain = new FakeUpstream({ behave: speaksBoth() });
    const port = await findDeadPort();
    await using gone = await startOlla({
      endpoints: [
        endpointAt(`http://127.0.0.1:${port}`, plain, "native", { type: "vllm" }),
        endpointOf(plain, "plain"),
      ],
    });
    expect(await servedBy(await ask(gone))).toBe("200 plain translated");

    await using busy = new FakeUpstream({ kind: "vllm", behave: answerJson({ error: "busy" }, 503) });
    await using olla = await startOlla({
      endpoints: [endpointOf(busy, "native"), endpointOf(plain, "plain")],
    });
    const answer = await ask(olla);
    expect(answer.headers.get("x-olla-attempts")).toBe("2");
    expect(await servedBy(answer)).toBe("200 plain translated");
  });

  test("each kind is asked at its own path, after a failover, too", async () => {
    await using runner = new FakeUpstream({ behave: speaksBoth("/anthropic/v1/messages") });
    await using vllm = new FakeUpstream({ kind: "vllm", behave: speaksBoth() });
    const kinds = [
      endpointAt(runner.url, runner, "runner", { type: "docker-model-runner", ...first }),
      endpointOf(vllm, "vllm", second),
    ];
    await using olla = await startOlla({ endpoints: kinds });
    expect(await servedBy(await ask(olla))).toBe("200 runner natively");
    runner.behave = answerJson({ error: "busy" }, 503);
    expect(await servedBy(await ask(olla))).toBe("200 vllm natively");
    expect(targets(runner)).toEqual(["/anthropic/v1/messages", "/anthropic/v1/messages"]);
    expect(targets(vllm)).toEqual(["/v1/messages"]);
  });

  test("a chain's order comes before what the endpoints know", async () => {
    await using plain = new FakeUpstream({ models: ["small"], behave: speaksBoth() });
    await using native = new FakeUpstream({ kind: "vllm", models: ["large"], behave: speaksBoth() });
    await using olla = await startOlla({
      endpoints: [endpointOf(native, "native"), endpointOf(plain, "plain")],
      sections: {
        model_aliases: {
          tiny: [
            { model: "small", params: { top_k: 7, temperature: 0.5 } },
            { model: "large", params: { top_k: 7 } },
          ],
        },
      },
    });
    expect(await servedBy(await ask(olla, { temperature: 0 }))).toBe("200 plain translated");
    const asked = JSON.parse((await plain.exchange()).text) as Record<string, unknown>;
    // An alias's defaults, in the endpoint's own words; what the client said comes first.
    expect(asked).toMatchObject({ model: "small", top_k: 7, temperature: 0 });
    plain.behave = answerJson({ error: "busy" }, 503);
    expect(await servedBy(await ask(olla))).toBe("200 native natively");
    expect(JSON.parse((await native.exchange()).text)).toMatchObject({ model: "large", top_k: 7 });
  });

  test("models that share the traffic by weight go on sharing it", async () => {
    await using plain = new FakeUpstream({ models: ["small"], behave: speaksBoth() });
    await using native = new FakeUpstream({ kind: "vllm", models: ["large"], behave: speaksBoth() });
    await using olla = await startOlla({
      endpoints: [endpointOf(native, "native"), endpointOf(plain, "plain")],
      sections: {
        model_aliases: {
          tiny: [
            { model: "small", weight: 50 },
            { model: "large", weight: 50 },
          ],
        },
      },
    });
    for (let count = 0; count < 60; count += 1) await (await ask(olla)).text();
    expect(plain.requests.length).toBeGreaterThan(5);
    expect(native.requests.length).toBeGreaterThan(5);
  });

  test("a conversation stays where it began, when that needs a translation, too", async () => {
    await using plain = new FakeUpstream({ behave: speaksBoth() });
    await using native = new FakeUpstream({ kind: "vllm", behave: answerJson({ error: "busy" }, 503) });
    await using olla = await startOlla({
      endpoints: [endpointOf(native, "native"), endpointOf(plain, "plain")],
      proxy: { sticky_sessions: { enabled: true } },
    });
    const session = { "X-Olla-Session-ID": "one" };
    expect(await servedBy(await ask(olla, {}, session))).toBe("200 plain translated");
    native.behave = speaksBoth();
    const again = await ask(olla, {}, session);
    expect(again.headers.get("x-olla-sticky-session")).toBe("hit");
    expect(await servedBy(again)).toBe("200 plain translated");
    expect(await servedBy(await ask(olla, {}, { "X-Olla-Session-ID": "two" }))).toBe("200 native natively");
  });
});

describe("an endpoint that has nothing at its kind's path", () => {
  const unknown: readonly (readonly [string, Behaviour])[] = [
    ["FastAPI's 404", answerJson({ detail: "Not Found" }, 404)],
    [
      "llama.cpp's 404",
      answerJson({ error: { code: 404, message: "File Not Found", type: "not_found_error" } }, 404),
    ],
    ["Go's 404", (exchange) => exchange.respond(404, { "Content-Type": "text/plain" }, "404 page not found")],
    ["a page", answerHtml(404)],
    [
      "a long page",
      (exchange) => exchange.respond(404, { "Content-Type": "text/html" }, "<p></p>".repeat(50_000)),
    ],
    ["an empty 404", (exchange) => exchange.respond(404, {}, "")],
    ["405", answerJson({ detail: "Method Not Allowed" }, 405)],
    ["501", answerJson({ error: "not implemented" }, 501)],
    [
      "LM Studio's 200",
      answerJson({ error: "Unexpected endpoint or method. (POST /v1/messages). Returning 200 anyway" }),
    ],
  ];
  test.each(unknown)(
    "%s: it is asked again at once in translation, and not natively the next time",
    async (_name, native) => {
      await using upstream = new FakeUpstream({ kind: "vllm", behave: nativelyAnswers(native) });
      await using olla = await startOlla({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { retry: { backoff: "10s", on_status: [405, 501, 503] } },
      });
      const answer = await ask(olla);
      expect(answer.headers.get("x-olla-attempts")).toBe("1");
      expect(answer.headers.get("x-olla-mode")).toBeNull();
      expect(await servedBy(answer)).toBe("200 one translated");
      expect(await servedBy(await ask(olla))).toBe("200 one translated");
      expect(targets(upstream)).toEqual(["/v1/messages", "/v1/chat/completions", "/v1/chat/completions"]);
      const { total_failures } = (
        (await (await fetch(`${olla.url}/internal/status`)).json()) as {
          system: { total_failures: number };
        }
      ).system;
      expect(total_failures).toBe(0);
    },
  );

  test("what is known of it is forgotten when it has been away", async () => {
    const upstream = new FakeUpstream({ kind: "vllm", behave: nativelyAnswers(answerHtml(404)) });
    await using _closed = upstream;
    await using olla = await startOlla({
      endpoints: [endpointOf(upstream, "one", { check_interval: "1s", check_timeout: "500ms" })],
    });
    expect(await servedBy(await ask(olla))).toBe("200 one translated");
    const statusOf = async () => {
      const status = (await (await fetch(`${olla.url}/internal/status/endpoints`)).json()) as {
        endpoints: { status: string }[];
      };
      return status.endpoints[0]?.status;
    };
    const { health } = upstream;
    upstream.health = (exchange) => exchange.close();
    await waitUntil(async () => (await statusOf()) === "offline" || (await statusOf()) === "unhealthy", {
      deadlineMs: 15_000,
    });
    upstream.health = health;
    upstream.behave = speaksBoth();
    await waitUntil(async () => (await statusOf()) === "healthy", { deadlineMs: 15_000 });
    expect(await servedBy(await ask(olla))).toBe("200 one natively");
  }, 30_000);

  test("a missing model is not a missing path", async () => {
    const missing = answerJson(
      { type: "error", error: { type: "not_found_error", message: "The model `tiny` does not exist." } },
      404,
    );
    await using upstream = new FakeUpstream({ kind: "vllm", behave: missing });
    await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
    const answer = await ask(olla);
    expect([answer.status, targets(upstream)]).toEqual([404, ["/v1/messages"]]);
    expect(await answer.text()).toContain("does not exist");
  });

  test("an unknown earlier response is not a missing path", async () => {
    const unknownResponse = answerJson(
      {
        error: {
          message: "Response with id 'resp_1' not found.",
          type: "invalid_request_error",
          param: "previous_response_id",
          code: null,
        },
      },
      404,
    );
    await using upstream = new FakeUpstream({ kind: "vllm", behave: nativelyAnswers(unknownResponse) });
    await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
    const answer = await askResponses(olla, { previous_response_id: "resp_1" });
    expect([answer.status, targets(upstream)]).toEqual([404, ["/v1/responses"]]);
    expect(await answer.text()).toContain("resp_1");
  });

  test("other refusals of a native endpoint are not repeated in translation", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
    for (const status of [400, 401, 403, 422, 500]) {
      upstream.behave = nativelyAnswers(answerJson({ error: { message: "no" } }, status));
      expect((await ask(olla)).status).toBe(status);
    }
    expect(new Set(targets(upstream))).toEqual(new Set(["/v1/messages"]));
  });
});

describe("a request that a translation can't say", () => {
  test("is refused before any endpoint is asked where all need one", async () => {
    await using plain = new FakeUpstream();
    await using olla = await startOlla({ endpoints: [endpointOf(plain, "plain")] });
    const answer = await ask(olla, { messages: "hi" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
    expect(plain.requests.length).toBe(0);
  });

  test("costs an endpoint that needs one nothing: neither a failure nor its breaker", async () => {
    await using native = new FakeUpstream({ kind: "vllm", behave: answerJson({ error: "busy" }, 503) });
    await using plain = new FakeUpstream({ behave: speaksBoth() });
    await using olla = await startOlla({
      endpoints: [endpointOf(native, "native"), endpointOf(plain, "plain")],
      proxy: { engine: "olla", circuit_breaker: { failure_threshold: 2 } },
    });
    for (let count = 0; count < 4; count += 1) {
      const answer = await ask(olla, { messages: "hi" });
      // The endpoint that could have judged it is busy.
      expect([503, 400]).toContain(answer.status);
      await answer.text();
    }
    expect(plain.requests.length).toBe(0);
    expect(await servedBy(await ask(olla))).toBe("200 plain translated");
  });
});

describe("Ollama's load requests", () => {
  test("are answered by Olla where every endpoint is of another kind", async () => {
    await using plain = new FakeUpstream({ kind: "vllm" });
    await using olla = await startOlla({ endpoints: [endpointOf(plain, "plain")] });
    const load = await askOllama(olla, { messages: [] });
    expect(await load.json()).toMatchObject({
      model: "tiny",
      message: { role: "assistant", content: "" },
      done: true,
      done_reason: "load",
    });
    const unload = await askOllama(olla, { messages: [], keep_alive: 0 });
    expect(await unload.json()).toMatchObject({ done_reason: "unload" });
    const streamed = await askOllama(olla, { messages: [], stream: true });
    expect(streamed.headers.get("content-type")).toBe("application/x-ndjson");
    expect(await streamed.text()).toEndWith("}\n");
    expect(plain.requests.length).toBe(0);
  });

  test("go to an Ollama where there is one, and never in translation to another kind", async () => {
    await using ollama = new FakeUpstream({ kind: "ollama", behave: answerJson({ error: "busy" }, 503) });
    await using plain = new FakeUpstream({ kind: "vllm" });
    await using olla = await startOlla({
      endpoints: [endpointOf(ollama, "ollama"), endpointOf(plain, "plain")],
    });
    const answer = await askOllama(olla, { messages: [] });
    expect([answer.status, plain.requests.length]).toEqual([503, 0]);
    ollama.behave = answerJson({ model: "tiny", done: true, done_reason: "load" });
    expect((await askOllama(olla, { messages: [] })).headers.get("x-olla-endpoint")).toBe("ollama");
  });
});
