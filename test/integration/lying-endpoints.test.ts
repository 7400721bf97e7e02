// Endpoints that lie about what they are. None of them delays, hides or breaks the honest one.
import { describe, expect, test } from "bun:test";
import { FakeUpstream, type FakeUpstreamOptions } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { startOlla } from "../support/start-olla.ts";
import {
  answerGzip,
  answerHtml,
  answerJson,
  claimLength,
  hangBeforeHead,
  redirectTo,
  sendGarbage,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const openaiList = {
  object: "list",
  data: [{ id: "claimed", object: "model", created: 1, owned_by: "liar" }],
};

async function listedBy(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/olla/proxy/v1/models`);
  expect(answer.status).toBe(200);
  const { data } = (await answer.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id).sort();
}

/** The models that clients see while one endpoint is honest and the other lists as told. */
async function listedBeside(liar: FakeUpstreamOptions): Promise<string[]> {
  await using honest = new FakeUpstream({ kind: "vllm", models: ["honest"] });
  await using lying = new FakeUpstream({ kind: "vllm", ...liar });
  await using olla = await startOlla({
    endpoints: [
      { name: "honest", url: honest.url, type: "vllm" },
      { name: "liar", url: lying.url, type: "vllm" },
    ],
    modelDiscovery: { timeout: "1s", retry_attempts: 0 },
    readiness: "all-probed",
  });
  await waitUntil(async () => (await listedBy(olla.url)).includes("honest"), {
    what: "the honest model is listed",
  });
  await waitUntil(() => lying.probes.some(({ target }) => target === "/v1/models"), {
    what: "the liar is asked",
  });
  const chat = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: '{"model":"honest"}',
  });
  expect(chat.status).toBe(200);
  expect(chat.headers.get("x-olla-endpoint")).toBe("honest");
  return await listedBy(olla.url);
}

describe("a model list", () => {
  const useless: [string, Behaviour][] = [
    ["HTML instead of JSON", answerHtml()],
    [
      "truncated JSON",
      (exchange) => exchange.respond(200, { "Content-Type": "application/json" }, '{"data":[{"id":'),
    ],
    ["less than its Content-Length", claimLength(10_000, '{"data":[]}')],
    ["a redirect elsewhere", redirectTo("http://127.0.0.1:9/v1/models")],
    ["no HTTP at all", sendGarbage],
    ["nothing, ever", hangBeforeHead],
    ["JSON of another shape", answerJson({ models: "yes" })],
    ["an error", answerJson({ error: "nope" }, 500)],
    ["null", answerJson(null)],
  ];
  test.concurrent.each(useless)("that is %s adds nothing and hides nothing", async (_name, list) => {
    expect(await listedBeside({ list })).toEqual(["honest"]);
  });

  test("of more than 10 MiB is not read to its end", async () => {
    const name = "m".repeat(1_000);
    const many = {
      object: "list",
      data: Array.from({ length: 12_000 }, (_, index) => ({ id: `${name}${index}` })),
    };
    expect(await listedBeside({ list: answerJson(many) })).toEqual(["honest"]);
  });

  test("with a wrong content type is believed when it is JSON", async () => {
    const list: Behaviour = (exchange) =>
      exchange.respond(200, { "Content-Type": "text/html" }, JSON.stringify(openaiList));
    expect(await listedBeside({ list })).toEqual(["claimed", "honest"]);
  });

  test("that comes compressed is read", async () => {
    expect(await listedBeside({ list: answerGzip(openaiList) })).toEqual(["claimed", "honest"]);
  });

  test("with broken entries loses only those", async () => {
    const list = answerJson({
      object: "list",
      data: [{ id: 7 }, null, "x", {}, { id: "" }, ...openaiList.data],
    });
    expect(await listedBeside({ list })).toEqual(["claimed", "honest"]);
  });
});

describe("a health route", () => {
  test("that redirects, or answers 500, is not healthy; one that answers 401 is a config error", async () => {
    await using moved = new FakeUpstream({ kind: "vllm", health: redirectTo("http://127.0.0.1:9/") });
    await using broken = new FakeUpstream({ kind: "vllm", health: answerJson({}, 500) });
    await using locked = new FakeUpstream({ kind: "vllm", health: answerJson({}, 401) });
    await using busy = new FakeUpstream({
      kind: "vllm",
      health: answerJson({}, 429, { "Retry-After": "60" }),
    });
    await using olla = await startOlla({
      endpoints: [
        { name: "moved", url: moved.url, type: "vllm" },
        { name: "broken", url: broken.url, type: "vllm" },
        { name: "locked", url: locked.url, type: "vllm" },
        { name: "busy", url: busy.url, type: "vllm" },
      ],
      readiness: "all-probed",
    });
    const answer = await fetch(`${olla.url}/internal/status/endpoints`);
    const { endpoints } = (await answer.json()) as { endpoints: { name: string; status: string }[] };
    expect(Object.fromEntries(endpoints.map(({ name, status }) => [name, status]))).toEqual({
      moved: "unhealthy",
      broken: "unhealthy",
      locked: "config_error",
      busy: "rate_limited",
    });
    const refused = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, { method: "POST", body: "{}" });
    expect(refused.status).toBe(503);
    expect((await refused.json()) as unknown).toHaveProperty("error.code", "no_healthy_endpoints");
  });

  test("that never ends costs nobody else their probe", async () => {
    await using endless = new FakeUpstream({
      kind: "vllm",
      async health(exchange) {
        await exchange.startChunked(200, {});
        await exchange.chunk("x");
      },
    });
    await using honest = new FakeUpstream({ kind: "vllm", models: ["honest"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "endless", url: endless.url, type: "vllm" },
        { name: "honest", url: honest.url, type: "vllm" },
      ],
      readiness: "listening",
    });
    await waitUntil(async () => (await listedBy(olla.url)).includes("honest"), {
      what: "the honest model is listed",
    });
  });
});

describe("an endpoint URL with a path", () => {
  test("keeps the path for health and models always, and for traffic with preserve_path", async () => {
    await using upstream = new FakeUpstream({ kind: "openai-compatible", basePath: "/engines/llama.cpp" });
    const url = `${upstream.url}/engines/llama.cpp/`;
    await using olla = await startOlla({
      endpoints: [{ name: "based", url, type: "openai-compatible", preserve_path: true }],
    });
    const ask = (path: string): Promise<Response> =>
      fetch(`${olla.url}/olla/proxy${path}`, { method: "POST", body: '{"model":"tiny"}' });
    expect((await ask("/v1/chat/completions")).status).toBe(200);
    expect(upstream.requests.at(-1)?.target).toBe("/engines/llama.cpp/v1/chat/completions");
  });

  test("leaves the path out of traffic without preserve_path", async () => {
    await using upstream = new FakeUpstream({ kind: "openai-compatible", basePath: "/base" });
    await using olla = await startOlla({
      endpoints: [{ name: "based", url: `${upstream.url}/base`, type: "openai-compatible" }],
    });
    const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions?q=1`, {
      method: "POST",
      body: '{"model":"tiny"}',
    });
    expect(answer.status).toBe(200);
    expect(upstream.requests.at(-1)?.target).toBe("/v1/chat/completions?q=1");
  });
});
