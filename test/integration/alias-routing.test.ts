// What an alias does to real requests: who gets them, in which bytes, and what the client is told.
import { describe, expect, test } from "bun:test";
import { endpointAt, endpointOf } from "../conformance/engine/engine-case.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type EndpointSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  completionOf,
  hangBeforeHead,
  sseToken,
  streamTokens,
} from "../support/upstream-behaviours.ts";

function post(olla: RunningOlla, body: unknown, prefix = "proxy"): Promise<Response> {
  return fetch(`${olla.url}/olla/${prefix}/v1/chat/completions`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Who answered, with which model, after how many attempts. */
async function servedBy(answer: Response): Promise<string> {
  expect(answer.status).toBe(200);
  await answer.text();
  const { headers } = answer;
  return `${headers.get("x-olla-endpoint")} ${headers.get("x-olla-model")} ${headers.get("x-olla-attempts")}`;
}

function aliases(model_aliases: Readonly<Record<string, unknown>>) {
  return { sections: { model_aliases } };
}

test("each endpoint gets its own name for the model, and every other byte as the client sent it", async () => {
  await using ollama = new FakeUpstream({ kind: "ollama", models: ["qwen3:8b"] });
  await using studio = new FakeUpstream({ kind: "lm-studio", models: ["Qwen/Qwen3-8B"] });
  await using olla = await startOlla({
    endpoints: [endpointOf(ollama, "ollama"), endpointOf(studio, "studio")],
    proxy: { load_balancer: "round-robin", prefer_loaded: false },
    ...aliases({ qwen: ["qwen3:8b", "qwen/qwen3-8b"] }),
  });
  const body =
    '{\n  "temperature":1.0, "model" : "QWEN",\t"messages":[{"role":"user","content":"h\\u00e9 \\"model\\""}]}';
  const answers = [await post(olla, body), await post(olla, body)];
  expect(answers.map(({ headers }) => headers.get("x-olla-model")).sort()).toEqual([
    "Qwen/Qwen3-8B",
    "qwen3:8b",
  ]);
  for (const { headers } of answers) {
    expect(headers.get("x-olla-routing-strategy")).toBe("alias");
    expect(headers.get("x-olla-routing-decision")).toBe("routed");
    expect(headers.get("x-olla-routing-reason")).toBe('alias "qwen" resolved to 2 endpoint(s)');
  }
  const [atOllama, atStudio] = [await ollama.exchange(), await studio.exchange()];
  expect(atOllama.text).toBe(body.replace("QWEN", "qwen3:8b"));
  expect(atStudio.text).toBe(body.replace("QWEN", "Qwen/Qwen3-8B"));
  expect(new Headers(atStudio.headers as [string, string][]).get("x-model")).toBe("Qwen/Qwen3-8B");
  const models = olla.accessLog().map(({ model }) => model);
  expect(models.filter((model) => model !== undefined).sort()).toEqual(["Qwen/Qwen3-8B", "qwen3:8b"]);
  const requested = olla.accessLog().map(({ requested_model }) => requested_model);
  expect(requested.filter((name) => name !== undefined)).toEqual(["QWEN", "QWEN"]);
});

test("params are put in where the client has not set them", async () => {
  await using upstream = new FakeUpstream({ models: ["tiny"] });
  await using olla = await startOlla({
    endpoints: [endpointOf(upstream, "one")],
    ...aliases({ careful: [{ model: "tiny", params: { temperature: 0.1, top_p: 0.5 } }] }),
  });
  await (await post(olla, { model: "careful", top_p: null, messages: [] })).text();
  const { text } = await upstream.exchange();
  expect(JSON.parse(text)).toEqual({ temperature: 0.1, model: "tiny", top_p: null, messages: [] });
});

test("a model asked for in other capitals is asked for in the endpoint's own, and told as the client wrote it", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["Org/Tiny"] });
  await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
  const answer = await post(olla, { model: "org/tiny" });
  expect(await servedBy(answer)).toBe("one org/tiny 1");
  expect((await upstream.exchange()).text).toBe('{"model":"Org/Tiny"}');
  expect(olla.accessLog().at(-1)).not.toHaveProperty("requested_model");
});

describe("a chain moves on", () => {
  async function withChain(
    behave: Behaviour,
    run: (olla: RunningOlla, parts: { first: FakeUpstream; second: FakeUpstream }) => Promise<void>,
    more: Partial<EndpointSettings> = {},
  ): Promise<void> {
    await using first = new FakeUpstream({ kind: "vllm", models: ["big"], behave });
    await using second = new FakeUpstream({ kind: "vllm", models: ["small"] });
    await using olla = await startOlla({
      endpoints: [
        endpointOf(first, "first", { priority: 1, ...more }),
        endpointOf(second, "second", { priority: 999 }),
      ],
      ...aliases({ chat: [{ model: "big" }, { model: "small" }] }),
    });
    await run(olla, { first, second });
  }

  test("not at all while its first step answers, whatever the priorities", async () => {
    await withChain(answerJson(completionOf("hello")), async (olla, { second }) => {
      expect(await servedBy(await post(olla, { model: "Chat" }))).toBe("first big 1");
      expect(second.requests).toHaveLength(0);
    });
  });

  for (const status of [429, 503]) {
    test(`on ${status}`, async () => {
      await withChain(answerJson({ error: "busy" }, status), async (olla, { second }) => {
        expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 2");
        expect((await second.exchange()).text).toBe('{"model":"small"}');
      });
    });
  }

  test("on a time to stay away, without another attempt", async () => {
    await withChain(answerJson({}, 429, { "Retry-After": "60" }), async (olla, { first }) => {
      expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 2");
      expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 1");
      expect(first.requests).toHaveLength(1);
    });
  });

  test("on an error event before the first content", async () => {
    const broken: Behaviour = async (exchange) => {
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      await exchange.chunk('data: {"error":{"message":"out of memory","type":"server_error"}}\n\n');
      await exchange.endChunked();
    };
    await withChain(broken, async (olla, { second }) => {
      second.behave = streamTokens(["hello"]);
      const answer = await post(olla, { model: "chat", stream: true });
      expect(answer.headers.get("x-olla-model")).toBe("small");
      expect(await answer.text()).toContain(sseToken("hello"));
    });
  });

  test("on an endpoint that says it has not got the model any more", async () => {
    const gone = answerJson(
      { error: { message: "The model `big` does not exist", code: "model_not_found" } },
      404,
    );
    await withChain(gone, async (olla) => {
      expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 2");
    });
  });

  test("on a full endpoint", async () => {
    await withChain(
      hangBeforeHead,
      async (olla, { first }) => {
        const held = post(olla, { model: "chat" });
        const exchange = await first.exchange();
        expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 1");
        await exchange.respondJson(completionOf("done"));
        expect(await servedBy(await held)).toBe("first big 1");
      },
      { max_concurrent: 1 },
    );
  });

  test("on a refused connection", async () => {
    await using witness = new FakeUpstream({ models: ["big"] });
    await using second = new FakeUpstream({ models: ["small"] });
    await using olla = await startOlla({
      endpoints: [
        endpointAt(`http://127.0.0.1:${findDeadPort()}`, witness, "first"),
        endpointOf(second, "second"),
      ],
      ...aliases({ chat: [{ model: "big" }, { model: "small" }] }),
    });
    expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 2");
    expect(await servedBy(await post(olla, { model: "chat" }))).toBe("second small 1");
  });
});

test("two full endpoints: who waits gets the first place that becomes free, with the model of that step", async () => {
  await using first = new FakeUpstream({ models: ["big"], behave: hangBeforeHead });
  await using second = new FakeUpstream({ models: ["small"], behave: hangBeforeHead });
  await using olla = await startOlla({
    endpoints: [
      endpointOf(first, "first", { max_concurrent: 1 }),
      endpointOf(second, "second", { max_concurrent: 1 }),
    ],
    ...aliases({ chat: [{ model: "big" }, { model: "small" }] }),
  });
  const held = [post(olla, { model: "chat" }), post(olla, { model: "small" })];
  const atSecond = await second.exchange();
  await first.exchange();
  const waiting = post(olla, { model: "chat" });
  await atSecond.respondJson(completionOf("done"));
  const next = await second.exchange(1);
  expect(next.text).toBe('{"model":"small"}');
  await next.respondJson(completionOf("done"));
  expect(await servedBy(await waiting)).toBe("second small 1");
  await (await first.exchange()).respondJson(completionOf("done"));
  await Promise.all(held.map(async (answer) => (await answer).text()));
});

test("two models of one endpoint: the second is asked when the first is missing, and a conversation keeps its own", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["one", "two"] });
  await using olla = await startOlla({
    endpoints: [endpointOf(upstream, "box")],
    proxy: { sticky_sessions: { enabled: true } },
    ...aliases({
      split: [
        { model: "one", weight: 1 },
        { model: "two", weight: 1 },
      ],
      chain: [{ model: "one" }, { model: "two" }],
    }),
  });
  const served = new Set<string>();
  for (let turn = 0; turn < 12; turn += 1) {
    const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      headers: { "X-Olla-Session-ID": "talk" },
      body: '{"model":"split"}',
    });
    served.add(await servedBy(answer));
  }
  expect(served.size).toBe(1);
  upstream.behave = (exchange) =>
    exchange.text.includes('"one"')
      ? exchange.respondJson({ error: { message: "The model `one` does not exist" } }, 404)
      : exchange.respondJson(completionOf("hello"));
  expect(await servedBy(await post(olla, { model: "chain" }))).toBe("box two 2");
});

test("an image sent to an alias goes to the step that can see", async () => {
  await using blind = new FakeUpstream({ kind: "lm-studio", models: ["text"] });
  await using seeing = new FakeUpstream({
    kind: "lm-studio",
    list: answerJson({
      object: "list",
      data: [{ id: "eyes", object: "model", type: "vlm", state: "loaded" }],
    }),
  });
  await using olla = await startOlla({
    endpoints: [endpointOf(blind, "blind"), endpointOf(seeing, "seeing")],
    ...aliases({ chat: [{ model: "text" }, { model: "eyes" }] }),
  });
  const content = [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }];
  const withImage = { model: "chat", messages: [{ role: "user", content }] };
  expect(await servedBy(await post(olla, withImage))).toBe("seeing eyes 1");
  expect(await servedBy(await post(olla, { model: "chat" }))).toBe("blind text 1");
  expect(await servedBy(await post(olla, { ...withImage, model: "text" }))).toBe("blind text 1");
});
