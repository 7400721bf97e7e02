// The routes of the Messages API, as its clients call them.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

const version = { "anthropic-version": "2023-06-01" };
const question = { model: "tiny", max_tokens: 16, messages: [{ role: "user", content: "Hello" }] };

const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "tiny",
  content: [{ type: "text", text: "hi" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};

const answerMessage: Behaviour = answerJson(message);

function post(
  olla: RunningOlla,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${olla.url}${path}`, { method: "POST", headers: { ...version, ...headers }, body: text });
}

async function errorOf(answer: Response): Promise<{ type: string; message: string }> {
  const body = (await answer.json()) as {
    type: string;
    error: { type: string; message: string };
    request_id: string;
  };
  expect(body.type).toBe("error");
  expect(body.request_id).toBe(answer.headers.get("x-olla-request-id") ?? "none");
  expect(answer.headers.get("request-id")).toBe(body.request_id);
  return body.error;
}

/** One endpoint that knows the API, and one that does not. */
async function startBoth(settings: Partial<OllaSettings> = {}) {
  const native = new FakeUpstream({ kind: "vllm", models: ["own"], behave: answerMessage });
  const plain = new FakeUpstream({ models: ["tiny"] });
  const olla = await startOlla({
    endpoints: [
      { name: "native", url: native.url, type: "vllm" },
      { name: "plain", url: plain.url, type: "openai-compatible" },
    ],
    ...settings,
  });
  return {
    native,
    plain,
    olla,
    async [Symbol.asyncDispose]() {
      await olla[Symbol.asyncDispose]();
      await native[Symbol.asyncDispose]();
      await plain[Symbol.asyncDispose]();
    },
  };
}

describe("a message", () => {
  test("goes as it is to an endpoint that knows the API, with the query and Anthropic's headers", async () => {
    await using both = await startBoth();
    const body = JSON.stringify({ ...question, model: "own", context_management: { edits: [] } });
    const answer = await post(both.olla, "/olla/anthropic/v1/messages?beta=true", body, {
      "anthropic-beta": "one,two",
      "x-api-key": "canary",
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-olla-mode")).toBe("passthrough");
    expect(answer.headers.get("request-id")).toBe(answer.headers.get("x-olla-request-id"));
    expect(await answer.json()).toEqual(message);
    const [arrived] = both.native.requests;
    expect(arrived?.target).toBe("/v1/messages?beta=true");
    expect(arrived?.text).toBe(body);
    expect(arrived?.header("anthropic-beta")).toBe("one,two");
    expect(arrived?.header("anthropic-version")).toBe("2023-06-01");
    expect(arrived?.header("x-api-key")).toBeUndefined();
  });

  test.each([
    "/olla/anthropic/v1/messages",
    "/olla/proxy/v1/messages",
    "/olla/openai/v1/messages",
    "/v1/messages",
  ])("to %s is translated for one that does not", async (path) => {
    await using both = await startBoth();
    const answer = await post(both.olla, `${path}?beta=true`, question);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-olla-mode")).toBeNull();
    expect(answer.headers.get("request-id")).toBe(answer.headers.get("x-olla-request-id"));
    expect(await answer.json()).toMatchObject({
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: "hello" }],
    });
    const [arrived] = both.plain.requests;
    expect(arrived?.target).toBe("/v1/chat/completions?beta=true");
    expect(arrived?.header("anthropic-version")).toBeUndefined();
  });

  test("is translated everywhere while passthrough is off", async () => {
    await using both = await startBoth({
      sections: { translators: { anthropic: { passthrough_enabled: false } } },
    });
    both.native.behave = both.plain.behave;
    const answer = await post(both.olla, "/olla/anthropic/v1/messages", { ...question, model: "own" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-olla-mode")).toBeNull();
    expect(both.native.requests[0]?.target).toBe("/v1/chat/completions");
  });

  test("may name an alias, of a model at either", async () => {
    await using both = await startBoth({
      sections: { model_aliases: { "claude-fast": ["own"], "claude-slow": ["tiny"] } },
    });
    const path = "/olla/anthropic/v1/messages";
    const fast = await post(both.olla, path, { ...question, model: "claude-fast" });
    expect(fast.headers.get("x-olla-model")).toBe("own");
    expect(JSON.parse(both.native.requests[0]?.text ?? "")).toEqual({ ...question, model: "own" });
    const slow = await post(both.olla, path, { ...question, model: "claude-slow" });
    expect(slow.headers.get("x-olla-model")).toBe("tiny");
    expect(JSON.parse(both.plain.requests[0]?.text ?? "")).toMatchObject({ model: "tiny" });
  });

  test("finds its model at a kind that lists no such path, however many there are that do", async () => {
    await using omlx = new FakeUpstream({ models: ["tiny"] });
    await using native = new FakeUpstream({ kind: "vllm", models: ["tiny"], behave: answerMessage });
    await using olla = await startOlla({
      endpoints: [
        { name: "native", url: native.url, type: "vllm" },
        { name: "plain", url: omlx.url, type: "openai-compatible" },
      ],
    });
    native.behave = (exchange) => exchange.respondJson({ error: "busy" }, 503);
    const answer = await post(olla, "/olla/anthropic/v1/messages", question);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-olla-endpoint")).toBe("plain");
    expect(native.requests.length + omlx.requests.length).toBe(2);
  });

  test("keeps to one endpoint through its session", async () => {
    await using first = new FakeUpstream({ models: ["tiny"] });
    await using second = new FakeUpstream({ models: ["tiny"] });
    await using olla = await startOlla({
      proxy: { load_balancer: "round-robin", sticky_sessions: { enabled: true } },
      endpoints: [
        { name: "first", url: first.url, type: "openai-compatible" },
        { name: "second", url: second.url, type: "openai-compatible" },
      ],
    });
    const endpoints: (string | null)[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const answer = await post(olla, "/olla/anthropic/v1/messages", question, {
        "x-claude-code-session-id": "s1",
      });
      endpoints.push(answer.headers.get("x-olla-endpoint"));
      expect(answer.headers.get("x-olla-sticky-session")).toBe(turn === 0 ? "miss" : "hit");
    }
    expect(new Set(endpoints).size).toBe(1);
  });
});

describe("what is wrong is told in Anthropic's shape", () => {
  const refused: readonly [body: string, message: string][] = [
    ["", "empty request body"],
    ["{}", "model field is required (body may not be valid JSON)"],
    ["not json", "model field is required (body may not be valid JSON)"],
    ['{"model":5}', "model field must be a string, got 5"],
    ['{"model":null}', "model field must be a string, got null"],
    ['{"model":" "}', "model field must not be empty"],
  ];
  test.each(refused)("%p has no model", async (body, reason) => {
    await using both = await startBoth();
    for (const path of ["/olla/anthropic/v1/messages", "/v1/messages"]) {
      const answer = await post(both.olla, path, body);
      expect(answer.status).toBe(400);
      expect(await errorOf(answer)).toMatchObject({ type: "invalid_request_error", message: reason });
    }
    expect(both.native.requests.length + both.plain.requests.length).toBe(0);
  });

  test("a body over the API's own limit, on every route, and nowhere else", async () => {
    await using both = await startBoth({
      sections: { translators: { anthropic: { max_message_size: 2_000 } } },
    });
    const long = { ...question, messages: [{ role: "user", content: "x".repeat(2_000) }] };
    for (const path of [
      "/olla/anthropic/v1/messages",
      "/olla/proxy/v1/messages",
      "/v1/messages/count_tokens",
    ]) {
      const answer = await post(both.olla, path, long);
      expect(answer.status).toBe(413);
      expect(await errorOf(answer)).toMatchObject({ type: "request_too_large" });
    }
    expect((await post(both.olla, "/v1/chat/completions", long)).status).toBe(200);
  });

  test("a model that nobody has", async () => {
    await using both = await startBoth();
    const answer = await post(both.olla, "/olla/anthropic/v1/messages", { ...question, model: "nobodys" });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("x-olla-routing-decision")).toBe("rejected");
    expect(await errorOf(answer)).toMatchObject({ type: "not_found_error" });
  });

  test.each([
    ["POST", "/olla/anthropic/v1/complete", 404, "not_found_error"],
    ["GET", "/olla/anthropic/v1/messages/batches", 404, "not_found_error"],
    ["POST", "/olla/anthropic/v1/chat/completions", 404, "not_found_error"],
    ["GET", "/olla/anthropic/v1/messages", 405, "invalid_request_error"],
    ["DELETE", "/olla/anthropic/v1/messages/count_tokens", 405, "invalid_request_error"],
    ["POST", "/olla/anthropic/v1/models", 405, "invalid_request_error"],
    ["GET", "/v1/messages", 405, "invalid_request_error"],
  ])("%s %s is %d", async (method, path, status, type) => {
    await using both = await startBoth();
    const answer = await fetch(`${both.olla.url}${path}`, { method });
    expect(answer.status).toBe(status);
    expect(await errorOf(answer)).toMatchObject({ type });
    expect(answer.headers.has("allow")).toBe(status === 405);
    if (path.includes("messages") && status === 405) expect(answer.headers.get("allow")).toContain("POST");
  });
});

describe("Claude Code's warm-up", () => {
  test.each(["/olla/anthropic", "/olla/anthropic/", "/olla/anthropic/api/hello", "/api/hello"])(
    "of %s is welcome",
    async (path) => {
      await using both = await startBoth();
      for (const method of ["HEAD", "GET"]) {
        expect((await fetch(`${both.olla.url}${path}`, { method, redirect: "manual" })).status).toBe(200);
      }
      expect(both.native.requests.length + both.plain.requests.length).toBe(0);
    },
  );
});

describe("the list of models", () => {
  const names = ["a/x", "b", "c:latest", "d"];

  async function startListed(settings: Partial<OllaSettings> = {}) {
    const upstream = new FakeUpstream({ kind: "vllm", models: names });
    const olla = await startOlla({
      endpoints: [{ name: "only", url: upstream.url, type: "vllm" }],
      sections: { model_aliases: { claude: ["b"] } },
      ...settings,
    });
    return {
      olla,
      ids: async (path: string, headers: Record<string, string> = version) => {
        const answer = await fetch(`${olla.url}${path}`, { headers });
        expect(answer.status).toBe(200);
        return (await answer.json()) as {
          data: { id: string }[];
          has_more: boolean;
          first_id: string | null;
          last_id: string | null;
        };
      },
      async [Symbol.asyncDispose]() {
        await olla[Symbol.asyncDispose]();
        await upstream[Symbol.asyncDispose]();
      },
    };
  }

  test("has every name, the aliases too, sorted", async () => {
    await using listed = await startListed();
    const answer = await fetch(`${listed.olla.url}/olla/anthropic/v1/models?limit=1000`);
    expect(answer.headers.get("request-id")).not.toBeNull();
    const list = (await answer.json()) as { data: object[] };
    expect(list).toMatchObject({ has_more: false, first_id: "a/x", last_id: "d" });
    expect(list.data.map((entry) => (entry as { id: string }).id)).toEqual([
      "a/x",
      "b",
      "c:latest",
      "claude",
      "d",
    ]);
    expect(list.data[0]).toEqual({
      type: "model",
      id: "a/x",
      display_name: "a/x",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });

  test("comes in pages, both ways", async () => {
    await using listed = await startListed();
    const path = "/olla/anthropic/v1/models";
    const first = await listed.ids(`${path}?limit=2`);
    expect(first).toMatchObject({ has_more: true, first_id: "a/x", last_id: "b" });
    const second = await listed.ids(`${path}?limit=2&after_id=${first.last_id}`);
    expect(second).toMatchObject({ has_more: true, first_id: "c:latest", last_id: "claude" });
    const last = await listed.ids(`${path}?limit=2&after_id=claude`);
    expect(last).toMatchObject({ has_more: false, first_id: "d", last_id: "d" });
    const back = await listed.ids(`${path}?limit=2&before_id=d`);
    expect(back).toMatchObject({ has_more: true, first_id: "c:latest", last_id: "claude" });
    expect(await listed.ids(`${path}?after_id=zzz`)).toEqual({
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
  });

  test.each(["0", "1001", "x", "1.5"])("takes no limit of %s", async (limit) => {
    await using listed = await startListed();
    const answer = await fetch(`${listed.olla.url}/olla/anthropic/v1/models?limit=${limit}`);
    expect(answer.status).toBe(400);
    expect(await errorOf(answer)).toMatchObject({ type: "invalid_request_error" });
  });

  test.each(["/v1/models", "/olla/openai/v1/models", "/olla/proxy/v1/models", "/olla/vllm/v1/models"])(
    "is at %s, too, for those who say that they speak this API, and OpenAI's for all others",
    async (path) => {
      await using listed = await startListed();
      expect((await listed.ids(path)).data[0]).toMatchObject({ type: "model", id: "a/x" });
      expect((await listed.ids(path, {})).data[0]).toMatchObject({ object: "model", id: "a/x" });
    },
  );

  test.each(["/olla/anthropic/v1/models", "/v1/models", "/olla/proxy/v1/models"])(
    "has a path for each model below %s",
    async (path) => {
      await using listed = await startListed();
      for (const name of ["a/x", "c:latest", "claude"]) {
        const answer = await fetch(`${listed.olla.url}${path}/${encodeURIComponent(name)}`, {
          headers: version,
        });
        expect(await answer.json()).toMatchObject({ type: "model", id: name });
      }
      const unknown = await fetch(`${listed.olla.url}${path}/nobodys`, { headers: version });
      expect(unknown.status).toBe(404);
      expect(await errorOf(unknown)).toMatchObject({ type: "not_found_error" });
    },
  );

  test("is not there, nor is any other of these routes, while the API is off", async () => {
    await using listed = await startListed({ sections: { translators: { anthropic: { enabled: false } } } });
    for (const path of ["/olla/anthropic/v1/models", "/olla/anthropic", "/olla/anthropic/api/hello"]) {
      expect((await fetch(`${listed.olla.url}${path}`)).status).toBe(404);
    }
    expect((await post(listed.olla, "/olla/anthropic/v1/messages", question)).status).toBe(404);
    expect((await listed.ids("/v1/models")).data[0]).toMatchObject({ object: "model" });
  });

  test("while the API is off a message is sent on as any other request", async () => {
    await using both = await startBoth({ sections: { translators: { anthropic: { enabled: false } } } });
    for (const path of ["/v1/messages", "/olla/proxy/v1/messages"]) {
      const answer = await post(both.olla, path, question);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-olla-mode")).toBeNull();
    }
    expect(both.plain.requests.map(({ target, text }) => [target, text])).toEqual([
      ["/v1/messages", JSON.stringify(question)],
      ["/v1/messages", JSON.stringify(question)],
    ]);
  });
});
