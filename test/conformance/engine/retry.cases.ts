import { expect } from "bun:test";
import { findDeadPort } from "../../support/dead-port.ts";
import { type BackendKind, FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Behaviour } from "../../support/socket-server.ts";
import { answerJson, completionOf, sseToken } from "../../support/upstream-behaviours.ts";
import { waitUntil, waitUntilSettled } from "../../support/wait-until.ts";
import {
  chatBody,
  chatPath,
  type EngineCase,
  type EngineHarness,
  endpointAt,
  endpointOf,
  endpointStatus,
  first,
  post,
  second,
  streamingChat,
  systemStatus,
} from "./engine-case.ts";

/** Three failures in a row would open the breaker of the engine that has one; these cases are about something else. */
const noBreaker = { circuit_breaker: { enabled: false } } as const;

function refusal(status: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return answerJson({ error: { message: `upstream says ${status}` } }, status, headers);
}

/** A failing endpoint that is asked first and one that serves, asked second. */
async function startPair(
  harness: EngineHarness,
  behave: Behaviour,
  options: { readonly proxy?: Readonly<Record<string, unknown>>; readonly kind?: BackendKind } = {},
) {
  const kind = options.kind ?? "openai-compatible";
  const failing = new FakeUpstream({ kind, behave });
  const alive = new FakeUpstream({ kind });
  const olla = await harness.start({
    endpoints: [endpointOf(failing, "failing", first), endpointOf(alive, "alive", second)],
    proxy: { ...noBreaker, ...options.proxy },
  });
  return {
    failing,
    alive,
    olla,
    async [Symbol.asyncDispose]() {
      await olla.stop();
      await failing[Symbol.asyncDispose]();
      await alive[Symbol.asyncDispose]();
    },
  };
}

function listRequests(upstream: FakeUpstream): number {
  return upstream.probes.filter(({ target }) => target === "/api/tags" || target === "/v1/models").length;
}

function secondsOf(answer: Response): number {
  return Number(answer.headers.get("retry-after"));
}

export const retryCases: readonly EngineCase[] = [
  {
    name: "409, 429, 502, 503, 504 and 529 fail over to the next candidate, with the body replayed",
    async run(harness) {
      await using pair = await startPair(harness, refusal(503));
      const body = chatBody({ pad: "x".repeat(100_000) });
      for (const [round, status] of [409, 429, 502, 503, 504, 529].entries()) {
        pair.failing.behave = refusal(status);
        const answer = await post(pair.olla, body, { headers: { "X-Own": "kept" } });
        expect([status, answer.status]).toEqual([status, 200]);
        expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
        expect(answer.headers.get("x-olla-attempts")).toBe("2");
        expect(pair.failing.requests.length).toBe(round + 1);
        const exchange = await pair.alive.exchange(round);
        expect(exchange.text).toBe(body);
        expect(exchange.header("x-own")).toBe("kept");
        await answer.text();
      }
    },
  },
  {
    name: "400, 401, 403, 413, 422 and 500 are the answer, and nobody else is asked",
    async run(harness) {
      await using pair = await startPair(harness, refusal(400));
      for (const status of [400, 401, 403, 413, 422, 500]) {
        pair.failing.behave = refusal(status, { "X-Own": "theirs" });
        const answer = await post(pair.olla);
        expect(answer.status).toBe(status);
        expect(answer.headers.get("x-own")).toBe("theirs");
        expect(answer.headers.get("x-olla-endpoint")).toBe("failing");
        expect(answer.headers.get("x-olla-attempts")).toBe("1");
        expect((await answer.json()) as unknown).toEqual({ error: { message: `upstream says ${status}` } });
      }
      expect(pair.alive.requests.length).toBe(0);
    },
  },
  {
    name: "a GET fails over by status as well",
    async run(harness) {
      await using pair = await startPair(harness, refusal(503));
      const answer = await fetch(`${pair.olla.url}/olla/proxy/v1/things/1`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
      await answer.text();
    },
  },
  {
    name: "when all fail the client gets the last real status, headers and body, with the smallest Retry-After",
    async run(harness) {
      for (const [firstSeconds, secondSeconds] of [
        [30, 7],
        [7, 30],
      ]) {
        await using pair = await startPair(harness, refusal(503, { "Retry-After": String(firstSeconds) }));
        pair.alive.behave = refusal(429, { "Retry-After": String(secondSeconds), "X-Own": "theirs" });
        const answer = await post(pair.olla);
        expect(answer.status).toBe(429);
        expect(answer.headers.get("x-own")).toBe("theirs");
        expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
        expect(answer.headers.get("x-olla-attempts")).toBe("2");
        expect(secondsOf(answer)).toBeWithin(5, 8);
        expect(answer.headers.get("x-olla-error")).toBeNull();
        expect((await answer.json()) as unknown).toEqual({ error: { message: "upstream says 429" } });
      }
    },
  },
  {
    name: "a real answer outlives a later endpoint that cannot be reached",
    async run(harness) {
      await using failing = new FakeUpstream({ behave: refusal(529) });
      const dead = endpointAt(`http://127.0.0.1:${findDeadPort()}`, failing, "dead", second);
      await using olla = await harness.start({ endpoints: [endpointOf(failing, "failing", first), dead] });
      const answer = await post(olla);
      expect(answer.status).toBe(529);
      expect((await answer.json()) as unknown).toEqual({ error: { message: "upstream says 529" } });
    },
  },
  {
    name: "a kept answer of several MiB does not stand in the way of the next candidate",
    async run(harness) {
      const huge = new Uint8Array(8 * 1024 * 1024);
      await using pair = await startPair(harness, (exchange) =>
        exchange.respond(503, { "Content-Type": "text/plain" }, huge),
      );
      const answer = await post(pair.olla);
      expect(answer.status).toBe(200);
      await answer.text();
    },
  },
  {
    name: "Retry-After keeps an endpoint out of the next requests, in seconds and as a date, until the time is over",
    async run(harness) {
      for (const value of ["60", new Date(Date.now() + 60_000).toUTCString()]) {
        await using pair = await startPair(harness, refusal(429, { "Retry-After": value }));
        for (let round = 0; round < 3; round += 1) expect((await post(pair.olla)).status).toBe(200);
        expect(pair.failing.requests.length).toBe(1);
        expect((await endpointStatus(pair.olla, "failing")).status).toBe("healthy");
      }
      await using pair = await startPair(harness, refusal(503, { "Retry-After": "1" }));
      await post(pair.olla);
      pair.failing.behave = answerJson(completionOf("back"));
      await waitUntil(async () => (await post(pair.olla)).headers.get("x-olla-endpoint") === "failing", {
        what: "the endpoint is asked again",
      });
      expect(pair.alive.requests.length).toBeGreaterThan(1);
    },
  },
  {
    name: "a Retry-After that makes no sense, or lies in the past, keeps nobody out",
    async run(harness) {
      for (const value of ["soon", "-5", "0", new Date(0).toUTCString()]) {
        await using pair = await startPair(harness, refusal(503, { "Retry-After": value }));
        for (let round = 0; round < 2; round += 1) expect((await post(pair.olla)).status).toBe(200);
        expect(pair.failing.requests.length).toBe(2);
      }
    },
  },
  {
    name: "when every endpoint asked for time the client hears how long, and nobody is bothered",
    async run(harness) {
      await using pair = await startPair(harness, refusal(429, { "Retry-After": "30" }));
      pair.alive.behave = refusal(503, { "Retry-After": "9" });
      await post(pair.olla);
      const answer = await post(pair.olla);
      expect([429, 503]).toContain(answer.status);
      expect(answer.headers.get("x-olla-error")).not.toBeNull();
      expect(secondsOf(answer)).toBeWithin(7, 10);
      expect(pair.failing.requests.length + pair.alive.requests.length).toBe(2);
    },
  },
  {
    name: "a failed attempt counts as a failure of its endpoint, and the one that served as a success of its own",
    async run(harness) {
      await using pair = await startPair(harness, refusal(503));
      expect((await post(pair.olla)).status).toBe(200);
      const system = await waitUntil(async () => {
        const status = await systemStatus(pair.olla);
        return status.total_requests === 2 ? status : undefined;
      });
      expect(system.total_failures).toBe(1);
      const failing = await endpointStatus(pair.olla, "failing");
      const alive = await endpointStatus(pair.olla, "alive");
      expect([failing.request_count, alive.request_count]).toEqual([1, 1]);
      expect(Number.parseFloat(String(failing.success_rate))).toBe(0);
      expect(Number.parseFloat(String(alive.success_rate))).toBe(100);
      const line = pair.olla.accessLog().find(({ path }) => path === chatPath);
      expect(line).toMatchObject({ status: 200, attempts: 2, tried: ["failing", "alive"] });
    },
  },
  {
    name: "proxy.retry.enabled: false passes the first endpoint's status on",
    async run(harness) {
      await using pair = await startPair(harness, refusal(503), { proxy: { retry: { enabled: false } } });
      expect((await post(pair.olla)).status).toBe(503);
      expect(pair.alive.requests.length).toBe(0);
    },
  },
  {
    name: "proxy.retry.max_attempts ends the search",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: refusal(503) });
      await using others = new FakeUpstream({ behave: refusal(502) });
      await using never = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [
          endpointOf(upstream, "a", { priority: 300 }),
          endpointOf(others, "b", { priority: 200 }),
          endpointOf(never, "c", { priority: 100 }),
        ],
        proxy: { retry: { max_attempts: 2 } },
      });
      const answer = await post(olla);
      expect(answer.status).toBe(502);
      expect(answer.headers.get("x-olla-attempts")).toBe("2");
      expect(never.requests.length).toBe(0);
    },
  },
  {
    name: "proxy.retry.on_status says which statuses fail over",
    async run(harness) {
      await using pair = await startPair(harness, refusal(418), { proxy: { retry: { on_status: [418] } } });
      expect((await post(pair.olla)).status).toBe(200);
      pair.failing.behave = refusal(503);
      expect((await post(pair.olla)).status).toBe(503);
      expect(pair.alive.requests.length).toBe(1);
    },
  },
  {
    name: "proxy.retry.backoff pauses before the next attempt, and max_backoff bounds the pause",
    async run(harness) {
      for (const [retry, atLeastMs, belowMs] of [
        [{ backoff: "300ms", jitter: 0 }, 280, 2_000],
        [{ backoff: "60s", max_backoff: "150ms", jitter: 0 }, 130, 2_000],
        [{ backoff: "0s" }, 0, 200],
      ] as const) {
        await using pair = await startPair(harness, refusal(503), { proxy: { retry } });
        expect((await post(pair.olla)).status).toBe(200);
        const pause = (await pair.alive.exchange()).receivedAt - (await pair.failing.exchange()).receivedAt;
        expect(pause).toBeWithin(atLeastMs, belowMs);
      }
    },
  },
  {
    name: "a client that leaves during the pause is not sent anywhere any more",
    async run(harness) {
      await using pair = await startPair(harness, refusal(503), {
        proxy: { retry: { backoff: "400ms", jitter: 0 } },
      });
      using client = await RawClient.connect(pair.olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], chatBody());
      await pair.failing.exchange();
      client.close();
      await waitUntil(() => pair.olla.accessLog().some(({ status }) => status === 499), {
        what: "an access line with 499",
      });
      await waitUntilSettled(() => pair.alive.requests.length, 500);
      expect(pair.alive.requests.length).toBe(0);
    },
  },
  ...(
    [
      ["Ollama's", "ollama", "/olla/ollama/api/chat", { error: "model 'tiny' not found" }],
      [
        "OpenAI's",
        "ollama",
        chatPath,
        { error: { message: "model 'tiny' not found", type: "not_found_error", param: null, code: null } },
      ],
      [
        "vLLM's",
        "vllm",
        chatPath,
        {
          error: {
            message: "The model `tiny` does not exist.",
            type: "NotFoundError",
            param: "model",
            code: 404,
          },
        },
      ],
    ] as const
  ).map(
    ([whose, kind, path, body]): EngineCase => ({
      name: `a 404 in ${whose} words for a missing model fails over and looks at that endpoint's models again`,
      async run(harness) {
        await using pair = await startPair(harness, answerJson(body, 404), { kind });
        const listsBefore = listRequests(pair.failing);
        pair.failing.list = answerJson(kind === "ollama" ? { models: [] } : { object: "list", data: [] });
        const answer = await fetch(`${pair.olla.url}${path}`, { method: "POST", body: chatBody() });
        expect(answer.status).toBe(200);
        expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
        await waitUntil(() => listRequests(pair.failing) > listsBefore, {
          what: "the list is asked for again",
        });
        await waitUntil(async () => (await endpointStatus(pair.olla, "failing")).model_count === 0, {
          what: "the model is known to be gone",
        });
        expect((await fetch(`${pair.olla.url}${path}`, { method: "POST", body: chatBody() })).status).toBe(
          200,
        );
        expect(pair.failing.requests.length).toBe(1);
      },
    }),
  ),
  {
    name: "a 404 that is about something else than the model is the answer",
    async run(harness) {
      await using pair = await startPair(harness, (exchange) =>
        exchange.respond(404, { "Content-Type": "text/plain" }, "404 page not found"),
      );
      const answer = await post(pair.olla);
      expect(answer.status).toBe(404);
      expect(await answer.text()).toBe("404 page not found");
      expect(pair.alive.requests.length).toBe(0);
    },
  },
  {
    name: "when nobody has the model after all the client gets the endpoint's own 404",
    async run(harness) {
      const body = { error: { message: "model 'tiny' not found", type: "not_found_error" } };
      await using upstream = new FakeUpstream({ kind: "ollama", behave: answerJson(body, 404) });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await post(olla);
      expect(answer.status).toBe(404);
      expect((await answer.json()) as unknown).toEqual(body);
    },
  },
  {
    name: "after the first content no error of the endpoint sends the request anywhere else",
    async run(harness) {
      await using pair = await startPair(harness, async (exchange) => {
        await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
        await exchange.chunk(sseToken("alpha"));
        await exchange.chunk('data: {"error":{"message":"overloaded","code":503}}\n\n');
        await exchange.endChunked();
      });
      const answer = await post(pair.olla, streamingChat);
      const text = await answer.text();
      expect(text).toContain("alpha");
      expect(text).toContain("overloaded");
      expect(text).not.toContain("[DONE]");
      expect(pair.alive.requests.length).toBe(0);
    },
  },
];
