// Endpoints of the tier `cloud`: when they are asked, when never, and until how many tokens.
import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { chatBody, endpointOf, post } from "../conformance/engine/engine-case.ts";
import { FakeUpstream, type FakeUpstreamOptions } from "../support/fake-upstream.ts";
import type { Behaviour, Exchange } from "../support/socket-server.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, completionOf, sseDone, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const key = "canary-local-0123456789abcdef";
const cloudToken = "canary-cloud-token";

interface House extends AsyncDisposable {
  readonly near: FakeUpstream;
  readonly far: FakeUpstream;
  readonly olla: RunningOlla;
}

interface Plan {
  readonly near?: FakeUpstreamOptions;
  readonly far?: FakeUpstreamOptions;
  readonly nearSettings?: Readonly<Record<string, unknown>>;
  readonly farSettings?: Readonly<Record<string, unknown>>;
  readonly proxy?: Readonly<Record<string, unknown>>;
  readonly sections?: OllaSettings["sections"];
}

/** A machine of one's own, and one in the cloud whose priority is higher. */
async function startHouse(plan: Plan = {}): Promise<House> {
  await using started = new AsyncDisposableStack();
  const near = started.use(new FakeUpstream(plan.near ?? {}));
  const far = started.use(new FakeUpstream(plan.far ?? {}));
  const olla = started.use(
    await startOlla({
      endpoints: [
        endpointOf(far, "far", {
          priority: 900,
          tier: "cloud",
          auth: { type: "bearer", token: cloudToken },
          ...plan.farSettings,
        }),
        endpointOf(near, "near", { priority: 1, ...plan.nearSettings }),
      ],
      proxy: { ...plan.proxy },
      ...(plan.sections && { sections: plan.sections }),
    }),
  );
  const owned = started.move();
  return { near, far, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The cloud alone has the model `big`. */
const bigOnlyFar: Plan = { near: { models: ["tiny"] }, far: { models: ["tiny", "big"] } };

const dialects: readonly (readonly [name: string, path: string, body: object])[] = [
  ["chat completions", "/v1/chat/completions", {}],
  ["Responses", "/v1/responses", { input: "hi" }],
  ["Messages", "/v1/messages", { max_tokens: 5 }],
  ["Ollama", "/api/chat", {}],
];

function ask(olla: RunningOlla, path: string, body: object, headers: Record<string, string> = {}) {
  return fetch(`${olla.url}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "big", messages: [{ role: "user", content: "hi" }], ...body }),
  });
}

interface AnyError {
  readonly error: string | { readonly code: string; readonly message: string };
  readonly code?: string;
}

async function errorOf(answer: Response): Promise<readonly [code: string | undefined, message: string]> {
  const { error, code } = (await answer.json()) as AnyError;
  return typeof error === "string" ? [code, error] : [error.code, error.message];
}

function lastLine(olla: RunningOlla) {
  return olla.accessLog().at(-1);
}

const overflowRefusal = answerJson(
  { error: { message: "request (9000 tokens) exceeds the available context size (8192 tokens)", code: 400 } },
  400,
);

describe("a request that must stay local", () => {
  test.each(dialects)(
    "is refused in the words of %s rather than sent to the cloud",
    async (_name, path, body) => {
      await using house = await startHouse(bigOnlyFar);
      const answer = await ask(house.olla, `/olla/proxy${path}`, body, { "X-Olla-Local-Only": "true" });
      expect([answer.status, answer.headers.get("x-olla-error")]).toEqual([503, "no_local_endpoint"]);
      const [code, message] = await errorOf(answer);
      expect(code).toBe("no_local_endpoint");
      expect(message).toContain("X-Olla-Local-Only");
      expect(house.far.requests).toEqual([]);
      expect(lastLine(house.olla)).toMatchObject({ status: 503, error_code: "no_local_endpoint" });
      // Without the header it goes there.
      const free = await ask(house.olla, `/olla/proxy${path}`, body, { "X-Olla-Local-Only": "0" });
      expect([free.status, free.headers.get("x-olla-tier")]).toEqual([200, "cloud"]);
    },
  );

  test.each(dialects)(
    "in %s is a 400 where its header says neither yes nor no",
    async (_name, path, body) => {
      await using house = await startHouse(bigOnlyFar);
      for (const value of ["yes", "", "true, false"]) {
        const answer = await ask(house.olla, `/olla/proxy${path}`, body, { "X-Olla-Local-Only": value });
        expect([answer.status, (await errorOf(answer))[0]]).toEqual([400, "invalid_request"]);
      }
      expect(house.far.requests).toEqual([]);
    },
  );

  test("is one by its route, whatever its header says", async () => {
    await using house = await startHouse(bigOnlyFar);
    for (const [, path, body] of dialects) {
      const answer = await ask(house.olla, `/olla/local${path}`, body, { "X-Olla-Local-Only": "false" });
      expect([answer.status, (await errorOf(answer))[0]]).toEqual([503, "no_local_endpoint"]);
    }
    const near = await ask(house.olla, "/olla/local/v1/chat/completions", { model: "tiny" });
    expect([near.status, near.headers.get("x-olla-endpoint"), near.headers.get("x-olla-tier")]).toEqual([
      200,
      "near",
      null,
    ]);
    expect(house.far.requests).toEqual([]);
  });

  test("is one by its key, whatever its header says", async () => {
    const keys = [{ name: "kid", hash: `sha256:${digestOf(key)}`, local_only: true }];
    await using house = await startHouse({ ...bigOnlyFar, sections: { auth: { keys } } });
    const headers = { Authorization: `Bearer ${key}`, "X-Olla-Local-Only": "false" };
    const answer = await ask(house.olla, "/olla/proxy/v1/chat/completions", {}, headers);
    expect([answer.status, (await errorOf(answer))[0]]).toEqual([503, "no_local_endpoint"]);
    expect(house.far.requests).toEqual([]);
  });

  test("is not sent to the cloud after local attempts have failed, by an alias, or for its conversation", async () => {
    await using house = await startHouse({
      ...bigOnlyFar,
      near: { models: ["tiny"], behave: answerJson({ error: "busy" }, 503) },
      proxy: { sticky_sessions: { enabled: true } },
      sections: { model_aliases: { chain: ["tiny", "big"] } },
    });
    const local = { "X-Olla-Local-Only": "1", "X-Olla-Session-ID": "one" };
    const path = "/olla/proxy/v1/chat/completions";
    for (const model of ["tiny", "chain"]) {
      // The conversation is bound to the cloud now.
      const bound = await ask(house.olla, path, { model }, { "X-Olla-Session-ID": "one" });
      expect(bound.headers.get("x-olla-endpoint")).toBe("far");
      const seen = house.far.requests.length;
      const answer = await ask(house.olla, path, { model }, local);
      expect([answer.status, answer.headers.get("x-olla-endpoint")]).toEqual([503, "near"]);
      expect(house.far.requests.length).toBe(seen);
    }
  });

  test("is not sent to the cloud while the local endpoint is down, and one that nobody has is a 404 as ever", async () => {
    await using house = await startHouse({ ...bigOnlyFar, nearSettings: { check_interval: "1s" } });
    await house.near[Symbol.asyncDispose]();
    const path = "/olla/proxy/v1/chat/completions";
    const local = { "X-Olla-Local-Only": "true" };
    const answer = await ask(house.olla, path, { model: "tiny" }, local);
    expect(answer.status).toBeGreaterThanOrEqual(502);
    expect((await ask(house.olla, path, { model: "nowhere" }, local)).status).toBeGreaterThanOrEqual(404);
    expect(house.far.requests).toEqual([]);
  });

  test("has its tokens estimated rather than counted in the cloud", async () => {
    await using house = await startHouse(bigOnlyFar);
    const answer = await ask(
      house.olla,
      "/olla/anthropic/v1/messages/count_tokens",
      {},
      { "X-Olla-Local-Only": "true" },
    );
    expect([answer.status, answer.headers.get("x-olla-token-count")]).toEqual([200, "estimate"]);
    expect(house.far.requests).toEqual([]);
  });

  test("is not sent to a cloud endpoint that it names itself", async () => {
    await using house = await startHouse({ far: { kind: "ollama", models: ["big"] } });
    const headers = { "X-Olla-Endpoint": "far", "X-Olla-Local-Only": "true" };
    const answer = await ask(house.olla, "/olla/ollama/api/pull", {}, headers);
    expect([answer.status, answer.headers.get("x-olla-error")]).toEqual([503, "no_local_endpoint"]);
    expect(house.far.requests).toEqual([]);
  });
});

describe("the cloud", () => {
  test("is asked only when nobody at home can answer, whatever its priority, and header and log say so", async () => {
    await using house = await startHouse({ near: { behave: answerJson(completionOf("near")) } });
    for (let turn = 0; turn < 5; turn++) {
      const answer = await post(house.olla);
      expect([answer.headers.get("x-olla-endpoint"), answer.headers.get("x-olla-tier")]).toEqual([
        "near",
        null,
      ]);
    }
    expect(lastLine(house.olla)).not.toHaveProperty("tier");
    house.near.behave = answerJson({ error: "out of memory" }, 503);
    const answer = await post(house.olla);
    expect([answer.status, answer.headers.get("x-olla-endpoint"), answer.headers.get("x-olla-tier")]).toEqual(
      [200, "far", "cloud"],
    );
    const { headers } = await house.far.exchange();
    expect(new Headers(headers.map(([name, value]) => [name, value])).get("authorization")).toBe(
      `Bearer ${cloudToken}`,
    );
    expect(lastLine(house.olla)).toMatchObject({ endpoint: "far", tier: "cloud", tried: ["near", "far"] });
    // The answer itself cannot claim to be from there.
    house.near.behave = answerJson(completionOf("near"), 200, { "X-Olla-Tier": "cloud" });
    const own = await waitUntil(
      async () => {
        const again = await post(house.olla);
        return again.headers.get("x-olla-endpoint") === "near" ? again : undefined;
      },
      { what: "near answers again" },
    );
    expect(own.headers.get("x-olla-tier")).toBeNull();
  });

  test("comes behind an alias's local steps, even where the alias puts it first", async () => {
    const sections = { model_aliases: { best: ["big", "tiny"] } };
    await using house = await startHouse({ ...bigOnlyFar, sections });
    const answer = await post(house.olla, chatBody({}, "best"));
    expect([answer.headers.get("x-olla-endpoint"), answer.headers.get("x-olla-model")]).toEqual([
      "near",
      "tiny",
    ]);
  });

  test("takes a request over once it has waited for proxy.overflow.after, and not before", async () => {
    await using house = await startHouse({
      near: { behave: () => {} },
      nearSettings: { max_concurrent: 1 },
      proxy: { overflow: { after: "300ms" } },
    });
    const holding = post(house.olla);
    const held = await house.near.exchange();
    const startedAt = performance.now();
    const moved = await post(house.olla);
    const waitedMs = performance.now() - startedAt;
    expect([moved.headers.get("x-olla-endpoint"), moved.headers.get("x-olla-tier")]).toEqual([
      "far",
      "cloud",
    ]);
    expect(waitedMs).toBeGreaterThanOrEqual(290);
    expect(Number.parseInt(moved.headers.get("x-olla-queue-time") ?? "", 10)).toBeGreaterThanOrEqual(290);

    // Somebody whose turn comes before stays at home.
    const patient = post(house.olla);
    await waitForQueue(house.olla, 1);
    await held.respondJson(completionOf("done"));
    const second = await house.near.exchange(1);
    await second.respondJson(completionOf("done"));
    expect((await patient).headers.get("x-olla-endpoint")).toBe("near");
    expect((await holding).status).toBe(200);
    expect(house.far.requests).toHaveLength(1);
  });

  test("with overflow.after 0 takes over at once, and a request that must stay local waits all the same", async () => {
    await using house = await startHouse({
      near: { behave: () => {} },
      nearSettings: { max_concurrent: 1 },
      proxy: { overflow: { after: "0s" }, queue: { timeout: "200ms" } },
    });
    const holding = post(house.olla);
    const held = await house.near.exchange();
    const moved = await post(house.olla);
    expect([moved.headers.get("x-olla-endpoint"), moved.headers.get("x-olla-queue-time")]).toEqual([
      "far",
      null,
    ]);
    const staying = await post(house.olla, chatBody(), { headers: { "X-Olla-Local-Only": "true" } });
    expect([staying.status, staying.headers.get("x-olla-error")]).toEqual([429, "queue_timeout"]);
    await held.respondJson(completionOf("done"));
    await holding;
    expect(house.far.requests).toHaveLength(1);
  });
});

describe("a request that is too long for those at home", () => {
  const long = "many words ".repeat(6000);
  const longChat = (extra: object = {}) =>
    chatBody({ messages: [{ role: "user", content: long }], ...extra });
  const listOf = (maxLength: number): Behaviour =>
    answerJson({
      object: "list",
      data: [{ id: "tiny", object: "model", created: 1, owned_by: "vllm", max_model_len: maxLength }],
    });

  test("goes to the cloud at once where their lists say so, and a short one stays", async () => {
    await using house = await startHouse({ near: { kind: "vllm", list: listOf(4096) } });
    expect((await post(house.olla, longChat())).headers.get("x-olla-endpoint")).toBe("far");
    expect((await post(house.olla)).headers.get("x-olla-endpoint")).toBe("near");
    expect(house.near.requests).toHaveLength(1);
    const local = await post(house.olla, longChat(), { headers: { "X-Olla-Local-Only": "true" } });
    expect(local.headers.get("x-olla-endpoint")).toBe("near");
  });

  test.each([
    ["a whole answer", chatBody()],
    ["a stream", chatBody({ stream: true })],
  ])("goes on to the cloud when they refuse it, for %s", async (_what, body) => {
    await using house = await startHouse({ near: { behave: overflowRefusal } });
    const answer = await post(house.olla, body);
    expect([answer.status, answer.headers.get("x-olla-tier"), answer.headers.get("x-olla-attempts")]).toEqual(
      [200, "cloud", "2"],
    );
    // It was the request's fault: home is asked again for the next one.
    expect((await post(house.olla, body)).headers.get("x-olla-tier")).toBe("cloud");
    expect(house.near.requests).toHaveLength(2);
    const local = await post(house.olla, body, { headers: { "X-Olla-Local-Only": "true" } });
    expect([local.status, local.headers.get("x-olla-endpoint")]).toEqual([400, "near"]);
    expect(await local.text()).toContain("exceeds the available context size");
  });

  test.each([413, 422, 500])("goes on when the refusal's status is %p", async (status) => {
    const behave = answerJson({ error: "input length exceeds the context length" }, status);
    await using house = await startHouse({ near: { behave } });
    expect((await post(house.olla)).headers.get("x-olla-tier")).toBe("cloud");
    house.near.behave = answerJson({ error: "something else" }, status);
    const other = await post(house.olla);
    expect([other.status, await other.json()]).toEqual([status, { error: "something else" }]);
  });

  test("goes on when the refusal is the first event of a stream", async () => {
    const behave = async (exchange: Exchange) => {
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      const error = { message: "Input exceeds the context window", code: 400 };
      await exchange.chunk(`data: ${JSON.stringify({ error })}\n\n`);
      await exchange.endChunked();
    };
    await using house = await startHouse({ near: { behave } });
    expect((await post(house.olla, chatBody({ stream: true }))).headers.get("x-olla-tier")).toBe("cloud");
  });

  test("gets the refusal of home where the cloud cannot answer either, or has no more room", async () => {
    await using house = await startHouse({
      near: { behave: overflowRefusal },
      far: { kind: "vllm", list: listOf(4096) },
    });
    const answer = await post(house.olla);
    expect([answer.status, answer.headers.get("x-olla-endpoint")]).toEqual([400, "near"]);
    expect(house.far.requests).toEqual([]);

    await using broken = await startHouse({
      near: { behave: overflowRefusal },
      far: { behave: (exchange) => exchange.reset() },
    });
    const refused = await post(broken.olla);
    expect([refused.status, refused.headers.get("x-olla-tier")]).toEqual([400, null]);
    expect(await refused.text()).toContain("exceeds the available context size");
  });
});

describe("daily_tokens", () => {
  const onlyFar: Plan = { near: { models: ["other"] } };

  test("reached, the endpoint gets nothing more that day: 503 with the reason and the time, and a line in the log", async () => {
    // Four tokens for each answer.
    await using house = await startHouse({ ...onlyFar, farSettings: { daily_tokens: 8 } });
    expect((await post(house.olla)).status).toBe(200);
    expect((await post(house.olla)).status).toBe(200);
    const spent = await waitUntil(
      async () => {
        const answer = await post(house.olla);
        return answer.status === 503 ? answer : undefined;
      },
      { what: "the tokens are counted" },
    );
    expect(spent.headers.get("x-olla-error")).toBe("daily_tokens_spent");
    const seconds = Number(spent.headers.get("retry-after"));
    expect([seconds > 0, seconds <= 90_000]).toEqual([true, true]);
    expect((await errorOf(spent))[1]).toContain('"far" has used up its 8 tokens');
    expect(house.olla.output()).toContain("used up its tokens for today");
    expect(house.olla.output()).not.toContain(cloudToken);
    expect(house.far.requests).toHaveLength(2);
    expect((await post(house.olla, chatBody({}, "nowhere"))).status).toBe(404);
  });

  test("holds for local endpoints too, and then the cloud steps in", async () => {
    await using house = await startHouse({ nearSettings: { daily_tokens: 1 } });
    expect((await post(house.olla)).headers.get("x-olla-endpoint")).toBe("near");
    await waitUntil(async () => (await post(house.olla)).headers.get("x-olla-endpoint") === "far", {
      what: "far",
    });
    const local = await post(house.olla, chatBody(), { headers: { "X-Olla-Local-Only": "true" } });
    expect(local.headers.get("x-olla-error")).toMatch(/daily_tokens_spent|no_local_endpoint/);
  });

  test("does not cut a stream that has begun, and asks for the tokens of one whose client does not", async () => {
    const open: Exchange[] = [];
    const behave = async (exchange: Exchange) => {
      open.push(exchange);
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      await exchange.chunk(sseToken("one"));
    };
    await using house = await startHouse({
      ...onlyFar,
      far: { kind: "vllm", behave },
      farSettings: { daily_tokens: 10 },
    });
    const streams = [
      post(house.olla, chatBody({ stream: true })),
      post(house.olla, chatBody({ stream: true })),
    ];
    await waitUntil(() => open.length === 2, { what: "both have begun" });
    const [first, second] = open;
    const { stream_options } = JSON.parse(new TextDecoder().decode(first?.body)) as {
      stream_options?: unknown;
    };
    expect(stream_options).toEqual({ include_usage: true });
    const usage = { prompt_tokens: 8, completion_tokens: 4, total_tokens: 12 };
    const last = { id: "c", object: "chat.completion.chunk", created: 1, model: "tiny", choices: [], usage };
    await first?.chunk(`data: ${JSON.stringify(last)}\n\n${sseDone}`);
    await first?.endChunked();
    await waitUntil(async () => (await post(house.olla)).status === 503, { what: "the tokens are used up" });
    await second?.chunk(sseToken("two") + sseDone);
    await second?.endChunked();
    const texts = await Promise.all(streams.map(async (stream) => (await stream).text()));
    expect(texts.filter((text) => text.includes("[DONE]"))).toHaveLength(2);
    expect(texts.some((text) => text.includes("two"))).toBe(true);
    expect(texts.some((text) => text.includes("usage"))).toBe(false);
  });

  test("counts by length what says nothing of its tokens", async () => {
    const behave = answerJson({ choices: [{ message: { role: "assistant", content: "x".repeat(400) } }] });
    await using house = await startHouse({ ...onlyFar, far: { behave }, farSettings: { daily_tokens: 100 } });
    expect((await post(house.olla)).status).toBe(200);
    await waitUntil(async () => (await post(house.olla)).status === 503, { what: "the tokens are used up" });
    expect(house.far.requests).toHaveLength(1);
  });
});

async function waitForQueue(olla: RunningOlla, depth: number): Promise<void> {
  await waitUntil(
    async () => {
      const status = await fetch(`${olla.url}/internal/status/endpoints`);
      const { endpoints } = (await status.json()) as { endpoints: readonly { queue?: { depth: number } }[] };
      return endpoints.some(({ queue }) => queue?.depth === depth);
    },
    { what: `${depth} wait` },
  );
}
