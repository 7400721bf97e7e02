// Keys of clients, from outside: who gets in, what they see, what they may ask for, and what nobody gets to see.
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../src/lib/key-digest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { LogRecord } from "../support/log-lines.ts";
import { portOf, RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  hangAfterTokens,
  resetBeforeHead,
  sseToken,
  streamTokens,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const allKey = "canary-all-0123456789abcdef";
const boundKey = "canary-bound-0123456789abcdef";
const singleKey = "canary-single-0123456789abcdef";
const oldKey = "canary-old-0123456789abcdef";

const keys = [
  { name: "all", hash: `sha256:${digestOf(allKey)}` },
  { name: "bound", hash: `sha256:${digestOf(boundKey)}`, models: ["llama*", "chat"] },
  { name: "single", hash: `sha256:${digestOf(singleKey)}`, max_parallel: 1 },
  { name: "old", hash: `sha256:${digestOf(oldKey)}`, expires: "2020-01-01" },
];

interface Guarded extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly olla: RunningOlla;
}

async function startGuarded(
  more: { keys?: readonly object[]; kind?: "vllm" | "ollama"; server?: object } = {},
): Promise<Guarded> {
  await using started = new AsyncDisposableStack();
  const kind = more.kind ?? "vllm";
  const upstream = started.use(new FakeUpstream({ kind, models: ["llama3", "qwen", "hidden"] }));
  const olla = started.use(
    await startOlla({
      endpoints: [
        { name: "gpu", url: upstream.url, type: kind, auth: { type: "bearer", token: "endpoint-token" } },
      ],
      server: { ...more.server },
      sections: { auth: { keys: more.keys ?? keys }, model_aliases: { chat: ["qwen"], other: ["llama3"] } },
    }),
  );
  const owned = started.move();
  return { upstream, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Without those of the test's own questions. */
function linesOf({ olla }: Guarded): readonly LogRecord[] {
  return olla.accessLog().filter(({ path }) => !String(path).startsWith("/internal/"));
}

function bearer(key: string): Record<string, string> {
  return { Authorization: `Bearer ${key}` };
}

function ask(
  { olla }: Guarded,
  key: string | undefined,
  body: unknown = { model: "llama3" },
  path = "/olla/proxy/v1/chat/completions",
) {
  return fetch(`${olla.url}${path}`, {
    method: "POST",
    headers: key === undefined ? {} : bearer(key),
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function errorOf(answer: Response): Promise<{ type?: string; code?: string; message: string }> {
  const body = (await answer.json()) as {
    error: string | { type: string; code: string; message: string };
    code?: string;
  };
  return typeof body.error === "string"
    ? { message: body.error, ...(body.code !== undefined && { code: body.code }) }
    : body.error;
}

const dialects = [
  ["openai", "/olla/openai/v1/chat/completions", "invalid_request_error"],
  ["a bare path", "/v1/chat/completions", "invalid_request_error"],
  ["anthropic", "/olla/anthropic/v1/messages", "authentication_error"],
  ["ollama", "/olla/proxy/api/chat", undefined],
] as const;

describe("every API's refusals are its own", () => {
  test.each(dialects)("%s: 401 for no key, a wrong and an expired one", async (_name, path, type) => {
    await using guarded = await startGuarded();
    for (const [key, code] of [
      [undefined, "unauthorized"],
      ["nobody's-0123456789abcdef", "unauthorized"],
      [oldKey, "key_expired"],
    ] as const) {
      const answer = await ask(guarded, key, { model: "llama3", messages: [] }, path);
      expect([
        answer.status,
        answer.headers.get("www-authenticate"),
        answer.headers.get("x-olla-error"),
      ]).toEqual([401, 'Bearer realm="Olla"', code]);
      expect(answer.headers.get("x-olla-request-id")).not.toBeNull();
      const error = await errorOf(answer);
      expect([error.type, error.code]).toEqual([type, code]);
    }
    expect(guarded.upstream.requests).toHaveLength(0);
    await waitUntil(() => linesOf(guarded).length === 3, { what: "three access lines" });
    expect(linesOf(guarded).map((line) => [line.status, line.client_key ?? null])).toEqual([
      [401, null],
      [401, null],
      [401, "old"],
    ]);
  });

  test.each(dialects)("%s: 403 for a model that the key may not use", async (name, path) => {
    await using guarded = await startGuarded();
    const answer = await ask(guarded, boundKey, { model: "hidden", messages: [], max_tokens: 5 }, path);
    expect([answer.status, answer.headers.get("x-olla-error")]).toEqual([403, "model_not_allowed"]);
    const error = await errorOf(answer);
    expect(error.message).toBe('This API key may not use the model "hidden"');
    if (name === "anthropic") expect(error.type).toBe("permission_error");
    expect(guarded.upstream.requests).toHaveLength(0);
  });

  test.each(dialects)("%s: 429 when a key has too many requests", async (name, path) => {
    const few = { name: "few", hash: `sha256:${digestOf(allKey)}`, requests_per_minute: 1 };
    await using guarded = await startGuarded({ keys: [few] });
    const body = { model: "nothing", messages: [], max_tokens: 5 };
    expect((await ask(guarded, allKey, body, path)).status).toBe(404);
    const answer = await ask(guarded, allKey, body, path);
    expect([
      answer.status,
      answer.headers.get("x-ratelimit-limit"),
      answer.headers.get("x-ratelimit-remaining"),
    ]).toEqual([429, "1", "0"]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(50);
    const error = await errorOf(answer);
    if (name !== "ollama") expect(error.type).toBe("rate_limit_error");
    expect(error.code).toBe("rate_limited");
  });
});

describe("a key", () => {
  test("lets its holder in by every header, and goes no further; the endpoint gets its own", async () => {
    await using guarded = await startGuarded();
    for (const headers of [
      bearer(allKey),
      { "x-api-key": allKey },
      { Authorization: `Basic ${btoa(`me:${allKey}`)}` },
    ]) {
      const answer = await fetch(`${guarded.olla.url}/olla/proxy/v1/chat/completions`, {
        method: "POST",
        headers,
        body: JSON.stringify({ model: "llama3" }),
      });
      expect(answer.status).toBe(200);
    }
    const sent = guarded.upstream.requests.flatMap(({ headers }) => headers.flat());
    expect(sent.filter((value) => value === "Bearer endpoint-token")).toHaveLength(3);
    expect(sent.join("\n")).not.toContain("canary");
    expect(sent.join("\n")).not.toContain(btoa(allKey).slice(2, 20));
    await waitUntil(() => linesOf(guarded).length === 3, { what: "three access lines" });
    expect(linesOf(guarded).map((line) => line.client_key)).toEqual(["all", "all", "all"]);
  });

  test("is asked for at every route but health, status, version and the front page", async () => {
    await using guarded = await startGuarded();
    const statusOf = async (path: string, method = "GET") =>
      (await fetch(guarded.olla.url + path, { method })).status;
    for (const path of ["/internal/health", "/version", "/"])
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    const closed = [
      "/olla/models",
      "/olla/models/llama3",
      "/%6Flla/models",
      "//olla/models",
      "/internal/../olla/models",
      "/internal/%2e%2e/olla/models",
      "/olla/proxy/v1/models",
      "/olla/vllm/v1/models/llama3",
      "/olla/anthropic/v1/models",
      "/olla/anthropic/",
      "/olla/ollama/api/tags",
      "/olla/proxy/api/ps",
      "/olla/ollama/",
      "/v1/models",
      "/api/tags",
      "/olla/vllm/metrics",
      "/nothing",
    ];
    for (const path of closed) {
      for (const method of ["GET", "POST", "HEAD", "DELETE", "OPTIONS"]) {
        expect([method, path, await statusOf(path, method)]).toEqual([method, path, 401]);
      }
    }
    expect(guarded.upstream.requests).toHaveLength(0);
  });

  test("in the address is refused, and stands in no log line", async () => {
    await using guarded = await startGuarded();
    for (const name of ["key", "api_key", "%61pi-key", "access_token"]) {
      const answer = await ask(guarded, undefined, {}, `/olla/proxy/v1/chat/completions?${name}=${allKey}`);
      expect(answer.status).toBe(401);
      expect((await errorOf(answer)).message).toContain("addresses are written to logs");
    }
    await waitUntil(() => linesOf(guarded).length === 4, { what: "four access lines" });
    expect(guarded.olla.output()).not.toContain("canary");
  });

  test("that came twice, is empty or malformed is refused, never 500", async () => {
    await using guarded = await startGuarded();
    const heads = [
      `Authorization: Bearer ${allKey}\r\nAuthorization: Bearer ${boundKey}\r\n`,
      `x-api-key: ${allKey}\r\nx-api-key: ${allKey}\r\n`,
      "Authorization:\r\n",
      "Authorization: Bearer\r\n",
      "Authorization: Basic ====\r\n",
      "Authorization: Basic \xff\xfe\r\n",
      "x-api-key:  \r\n",
      `Authorization: Bearer ${allKey} ${allKey}\r\n`,
    ];
    for (const head of heads) {
      using client = await RawClient.connect(portOf(guarded.olla.url));
      client.send(
        Buffer.from(
          `GET /olla/proxy/v1/models HTTP/1.1\r\nHost: localhost\r\n${head}Connection: close\r\n\r\n`,
          "latin1",
        ),
      );
      expect([head, (await client.readResponse()).startLine]).toEqual([head, "HTTP/1.1 401 Unauthorized"]);
    }
    expect(guarded.olla.output()).not.toContain("canary");
  });
});

describe("a key that is bound to models", () => {
  const namesAt = async ({ olla }: Guarded, path: string, key: string): Promise<string[]> => {
    const answer = await fetch(olla.url + path, {
      headers: { ...bearer(key), "anthropic-version": "2023-06-01" },
    });
    const body = (await answer.json()) as { data?: { id: string }[]; models?: { name?: string }[] };
    return (body.data?.map(({ id }) => id) ?? body.models?.map(({ name }) => name ?? "") ?? []).toSorted();
  };

  test("sees only those in every list, and aliases by their own name", async () => {
    await using guarded = await startGuarded();
    for (const path of [
      "/olla/proxy/v1/models",
      "/olla/vllm/v1/models",
      "/olla/anthropic/v1/models",
      "/v1/models",
      "/olla/models?format=openai",
    ]) {
      expect([path, await namesAt(guarded, path, boundKey)]).toEqual([path, ["chat", "llama3"]]);
      expect([path, (await namesAt(guarded, path, allKey)).length]).toEqual([path, 5]);
    }
    const text = await (await fetch(`${guarded.olla.url}/olla/models`, { headers: bearer(boundKey) })).text();
    expect(text).not.toContain("hidden");
    for (const path of ["/olla/models/hidden", "/olla/proxy/v1/models/hidden"]) {
      expect((await fetch(guarded.olla.url + path, { headers: bearer(boundKey) })).status).toBe(404);
    }
  });

  test("may use an alias for what it stands for, and not that by its own name", async () => {
    await using guarded = await startGuarded();
    expect((await ask(guarded, boundKey, { model: "chat" })).headers.get("x-olla-model")).toBe("qwen");
    expect((await ask(guarded, boundKey, { model: "qwen" })).status).toBe(403);
    expect((await ask(guarded, boundKey, { model: "other" })).status).toBe(403);
    expect((await ask(guarded, boundKey, { model: "LLAMA3" })).status).toBe(200);
  });

  test.each([
    ["names none", "{}"],
    ["is no JSON", "model=llama3"],
    ["names two", '{"model":"llama3","model":"hidden"}'],
    ["names two in other capitals, of which Go takes the last", '{"model":"llama3","MODEL":"hidden"}'],
    ["hides one behind the end", '{"model":"llama3"}{"model":"hidden"}'],
    ["names it in a message", '{"messages":[{"role":"user","model":"llama3"}]}'],
  ])("gets 403 where the request %s", async (_what, body) => {
    await using guarded = await startGuarded();
    expect((await ask(guarded, boundKey, body)).status).toBe(403);
    expect(guarded.upstream.requests).toHaveLength(0);
  });

  test("gets 403 for a form that names two, and for a request without a body", async () => {
    await using guarded = await startGuarded();
    const form = new FormData();
    form.append("model", "hidden");
    form.append("model", "llama3");
    const url = `${guarded.olla.url}/olla/proxy/v1/audio/transcriptions`;
    expect((await fetch(url, { method: "POST", headers: bearer(boundKey), body: form })).status).toBe(403);
    const twice = new URLSearchParams("model=hidden&%6dodel=llama3&model=llama3");
    expect((await fetch(url, { method: "POST", headers: bearer(boundKey), body: twice })).status).toBe(403);
    expect((await fetch(`${guarded.olla.url}/olla/vllm/metrics`, { headers: bearer(boundKey) })).status).toBe(
      403,
    );
    expect(guarded.upstream.requests).toHaveLength(0);
  });

  test("is not told names that it may not see by suggestions, by /api/show or by the models in memory", async () => {
    await using guarded = await startGuarded({ kind: "ollama" });
    guarded.upstream.loaded = answerJson({
      models: [
        { name: "hidden", model: "hidden" },
        { name: "llama3", model: "llama3" },
      ],
    });
    const wide = await ask(guarded, boundKey, { model: "llama-hiden" });
    expect([wide.status, await wide.text()]).toEqual([404, expect.not.stringContaining("hidden")]);
    const shown = await ask(guarded, boundKey, { model: "hidden" }, "/olla/proxy/api/show");
    expect(shown.status).toBe(403);
    const loaded = await (
      await fetch(`${guarded.olla.url}/olla/ollama/api/ps`, { headers: bearer(boundKey) })
    ).text();
    expect([loaded.includes("llama3"), loaded.includes("hidden")]).toEqual([true, false]);
  });
});

describe("requests at once", () => {
  async function refusedWhileBusy(guarded: Guarded): Promise<void> {
    const second = await ask(guarded, singleKey);
    expect([second.status, second.headers.get("retry-after")]).toEqual([429, "1"]);
  }

  test("have ended when the answer was read, the client left, or the endpoint failed, and not before", async () => {
    await using guarded = await startGuarded();
    const { upstream } = guarded;
    upstream.behave = hangAfterTokens([sseToken("a")]);
    const leaving = new AbortController();
    const stream = await fetch(`${guarded.olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      headers: bearer(singleKey),
      body: JSON.stringify({ model: "llama3", stream: true }),
      signal: leaving.signal,
    });
    expect(stream.status).toBe(200);
    await refusedWhileBusy(guarded);
    leaving.abort();
    upstream.behave = streamTokens([sseToken("a")]);
    await waitUntil(async () => (await ask(guarded, singleKey)).status === 200, {
      what: "the place is free again",
    });
    upstream.behave = resetBeforeHead;
    for (let round = 0; round < 3; round += 1) expect((await ask(guarded, singleKey)).status).toBe(502);
    for (let round = 0; round < 3; round += 1)
      expect((await ask(guarded, singleKey, { model: "none" })).status).toBe(404);
    expect((await ask(guarded, singleKey, {}, "/olla/proxy/api/pull")).status).toBe(501);
    upstream.behave = answerJson({ choices: [] });
    for (let round = 0; round < 3; round += 1) expect((await ask(guarded, singleKey)).status).toBe(200);
  });
});

test("tokens are charged by what answers say, streams that are not asked for it included", async () => {
  const metered = { name: "metered", hash: `sha256:${digestOf(allKey)}`, tokens_per_minute: 100 };
  await using guarded = await startGuarded({ keys: [metered] });
  guarded.upstream.behave = answerJson({
    choices: [{ message: { content: "x" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 90, completion_tokens: 50, total_tokens: 140 },
  });
  expect((await ask(guarded, allKey)).status).toBe(200);
  await waitUntil(() => linesOf(guarded).length === 1, { what: "the answer is recorded" });
  const refused = await ask(guarded, allKey);
  expect([refused.status, (await errorOf(refused)).message]).toEqual([
    429,
    expect.stringContaining("Too many tokens"),
  ]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(20);

  await using streaming = await startGuarded({ keys: [metered] });
  await (await ask(streaming, allKey, { model: "llama3", stream: true })).text();
  const [sent] = streaming.upstream.requests;
  expect(Buffer.from(sent?.body ?? []).toString()).toContain("include_usage");
});

test("a browser's question beforehand needs no key, and its page can read a refusal", async () => {
  const origin = "https://chat.example";
  await using guarded = await startGuarded({
    server: { cors: { enabled: true, allowed_origins: [origin] } },
  });
  const url = `${guarded.olla.url}/olla/proxy/v1/chat/completions`;
  const preflight = await fetch(url, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization",
    },
  });
  expect([preflight.ok, preflight.headers.get("access-control-allow-origin")]).toEqual([true, origin]);
  const refused = await fetch(url, { method: "POST", headers: { Origin: origin }, body: "{}" });
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, origin]);
  expect(guarded.upstream.requests).toHaveLength(0);
});

test("what each key was used for is counted under its name", async () => {
  await using guarded = await startGuarded();
  await ask(guarded, allKey);
  await ask(guarded, boundKey, { model: "hidden" });
  await ask(guarded, undefined);
  const read = async () =>
    (await (await fetch(`${guarded.olla.url}/internal/stats/keys`)).json()) as {
      keys: Record<string, unknown>[];
    };
  await waitUntil(async () => (await read()).keys.length === 2, { what: "both are counted" });
  expect(
    (await read()).keys.map(({ name, total_requests, failed_requests }) => [
      name,
      total_requests,
      failed_requests,
    ]),
  ).toEqual([
    ["all", 1, 0],
    ["bound", 1, 1],
  ]);
});

test("10,000 wrong keys in a row are limited, and change nothing for right ones", async () => {
  await using guarded = await startGuarded();
  const statuses = new Map<number, number>();
  for (let batch = 0; batch < 100; batch += 1) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => ask(guarded, `wrong-${batch}-${index}-0123456789abcdef`)),
    );
    for (const answer of answers) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      await answer.body?.cancel();
    }
  }
  expect([...statuses.keys()].toSorted()).toEqual([401, 429]);
  expect(statuses.get(401)).toBeLessThan(200);
  expect((await ask(guarded, allKey)).status).toBe(200);
  expect(guarded.upstream.requests).toHaveLength(1);
}, 60_000);

test("a key out of a file works", async () => {
  const folder = await mkdtemp(join(tmpdir(), "olla-key-"));
  try {
    await Bun.write(join(folder, "key"), `${allKey}\n`);
    await using guarded = await startGuarded({ keys: [{ name: "filed", key_file: join(folder, "key") }] });
    expect((await ask(guarded, allKey)).status).toBe(200);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
