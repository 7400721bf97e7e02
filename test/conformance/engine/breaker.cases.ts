import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Behaviour } from "../../support/socket-server.ts";
import type { RunningOlla } from "../../support/start-olla.ts";
import {
  answerJson,
  claimLength,
  completionOf,
  hangAfterTokens,
  hangBeforeHead,
  resetBeforeHead,
  sseToken,
} from "../../support/upstream-behaviours.ts";
import { waitUntil, waitUntilSettled, within } from "../../support/wait-until.ts";
import {
  chatBody,
  chatPath,
  type EngineCase,
  type EngineHarness,
  endpointOf,
  endpointStatus,
  first,
  post,
  second,
  streamingChat,
} from "./engine-case.ts";

const serves = answerJson(completionOf("fine"));
const unavailable = answerJson({ error: { message: "busy" } }, 503);

type Proxy = Readonly<Record<string, unknown>>;

async function startOne(harness: EngineHarness, behave: Behaviour, proxy: Proxy = {}) {
  const upstream = new FakeUpstream({ behave, models: ["tiny", "other"] });
  const olla = await harness.start({
    endpoints: [endpointOf(upstream, "one", { check_interval: "60s" })],
    proxy,
  });
  return {
    upstream,
    olla,
    async [Symbol.asyncDispose]() {
      await olla.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function ask(olla: RunningOlla, count: number, body = chatBody()): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const answer = await post(olla, body);
    await answer.text().catch(() => "");
    statuses.push(answer.status);
  }
  return statuses;
}

async function isRefused(olla: RunningOlla, body = chatBody()): Promise<boolean> {
  const answer = await post(olla, body);
  await answer.text();
  return answer.headers.get("x-olla-error") === "circuit_open";
}

async function breakerState(olla: RunningOlla, name = "one"): Promise<unknown> {
  const row = (await endpointStatus(olla, name)) as { circuit_breaker?: { state?: string } | string };
  return typeof row.circuit_breaker === "string" ? row.circuit_breaker : row.circuit_breaker?.state;
}

const cases: readonly EngineCase[] = [
  {
    name: "three answers of 503 in a row open the breaker, and requests go to the other endpoint",
    async run(harness) {
      await using failing = new FakeUpstream({ behave: unavailable });
      await using alive = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [endpointOf(failing, "failing", first), endpointOf(alive, "alive", second)],
      });
      expect(await ask(olla, 10)).toEqual(Array(10).fill(200));
      expect([failing.requests.length, alive.requests.length]).toEqual([3, 10]);
      expect(olla.output()).toMatch(/breaker/i);
    },
  },
  {
    name: "when no endpoint is left the error says which breakers are open and until when",
    async run(harness) {
      await using one = await startOne(harness, unavailable);
      expect(await ask(one.olla, 3)).toEqual([503, 503, 503]);
      const answer = await post(one.olla);
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get("retry-after"))).toBeWithin(25, 31);
      const { error } = (await answer.json()) as { error: { message: string; code: string; source: string } };
      expect(error.message).toMatch(/circuit breaker open/i);
      expect(error.message).toContain("one");
      expect(error).toMatchObject({ code: "circuit_open", source: "olla" });
      expect(one.upstream.requests.length).toBe(3);
    },
  },
  {
    name: "a connection that fails three times opens the breaker, whatever the probes say",
    async run(harness) {
      const breaker = { failure_threshold: 3, open_duration: "30s" };
      await using failing = new FakeUpstream({ behave: resetBeforeHead });
      await using alive = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [
          endpointOf(failing, "failing", { ...first, check_interval: "1s", check_timeout: "500ms" }),
          endpointOf(alive, "alive", second),
        ],
        proxy: { circuit_breaker: breaker },
      });
      const answers = await Promise.all(Array.from({ length: 3 }, () => post(olla)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      const asked = failing.requests.length;
      await waitUntil(async () => (await endpointStatus(olla, "failing")).status === "healthy", {
        what: "a probe finds the endpoint well",
      });
      expect(await ask(olla, 3)).toEqual([200, 200, 200]);
      expect(failing.requests.length).toBe(asked);
    },
  },
  {
    name: "answers that never begin open the breaker",
    async run(harness) {
      await using one = await startOne(harness, hangBeforeHead, { response_header_timeout: "100ms" });
      expect(await ask(one.olla, 3)).toEqual([504, 504, 504]);
      expect(await isRefused(one.olla)).toBeTrue();
    },
  },
  {
    name: "streams that are cut, fall silent or begin with an error open the breaker",
    async run(harness) {
      const cut: Behaviour = async (exchange) => {
        await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
        await exchange.chunk(sseToken("alpha"));
        await exchange.endChunked();
      };
      const errorFirst: Behaviour = async (exchange) => {
        await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
        await exchange.chunk('data: {"error":{"message":"overloaded"}}\n\n');
        await exchange.endChunked();
      };
      for (const behave of [cut, errorFirst, hangAfterTokens(["alpha"]), claimLength(500, '{"half":')]) {
        await using one = await startOne(harness, behave, { read_timeout: "100ms" });
        await ask(one.olla, 3, streamingChat);
        const asked = one.upstream.requests.length;
        expect(await isRefused(one.olla, streamingChat)).toBeTrue();
        expect(one.upstream.requests.length).toBe(asked);
      }
    },
  },
  {
    name: "after open_duration one request tries, alone, and its success lets all others in",
    async run(harness) {
      await using one = await startOne(harness, unavailable, { circuit_breaker: { open_duration: "300ms" } });
      await ask(one.olla, 3);
      one.upstream.behave = hangBeforeHead;
      const answers: Promise<Response>[] = [];
      await waitUntil(() => {
        answers.push(post(one.olla));
        return one.upstream.requests.length > 3;
      });
      answers.push(...Array.from({ length: 10 }, () => post(one.olla)));
      await waitUntilSettled(() => one.upstream.requests.length, 50);
      expect(one.upstream.requests.length).toBe(4);
      one.upstream.behave = serves;
      await (await one.upstream.exchange(3)).respondJson(completionOf("fine"));
      const statuses = (await Promise.all(answers)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200).length).toBe(1);
      expect(statuses.filter((status) => status === 503).length).toBe(statuses.length - 1);
      expect(await ask(one.olla, 5)).toEqual([200, 200, 200, 200, 200]);
    },
  },
  {
    name: "a trial that fails closes the door again at once",
    async run(harness) {
      await using one = await startOne(harness, unavailable, { circuit_breaker: { open_duration: "200ms" } });
      await ask(one.olla, 3);
      await waitUntil(async () => {
        await ask(one.olla, 1);
        return one.upstream.requests.length === 4;
      });
      expect(await isRefused(one.olla)).toBeTrue();
      expect(one.upstream.requests.length).toBe(4);
    },
  },
  {
    name: "a trial whose client leaves makes way for the next one",
    async run(harness) {
      await using one = await startOne(harness, unavailable, { circuit_breaker: { open_duration: "200ms" } });
      await ask(one.olla, 3);
      one.upstream.behave = hangBeforeHead;
      const leavers: RawClient[] = [];
      await waitUntil(async () => {
        const client = await RawClient.connect(one.olla.port);
        leavers.push(client);
        client.request(`POST ${chatPath} HTTP/1.1`, [], chatBody());
        return one.upstream.requests.length > 3;
      });
      one.upstream.behave = serves;
      for (const client of leavers) client.close();
      await within((await one.upstream.exchange(3)).gone, 1_000, "the trial is ended");
      await waitUntil(async () => (await ask(one.olla, 1))[0] === 200, { what: "the next trial succeeds" });
    },
  },
  {
    name: "clients that leave, and what is their own fault, never open it",
    async run(harness) {
      await using one = await startOne(harness, hangBeforeHead);
      for (let index = 0; index < 5; index += 1) {
        using client = await RawClient.connect(one.olla.port);
        client.request(`POST ${chatPath} HTTP/1.1`, [], chatBody());
        const exchange = await one.upstream.exchange(index);
        client.close();
        await within(exchange.gone, 1_000, "the upstream request is ended");
      }
      for (const status of [400, 401, 403, 404, 413, 422]) {
        one.upstream.behave = answerJson({ error: { message: "no" } }, status);
        expect(await ask(one.olla, 4)).toEqual([status, status, status, status]);
      }
      one.upstream.behave = serves;
      expect(await ask(one.olla, 1)).toEqual([200]);
    },
  },
  {
    name: "a success in between begins the count anew",
    async run(harness) {
      await using one = await startOne(harness, unavailable);
      for (let round = 0; round < 3; round += 1) {
        one.upstream.behave = unavailable;
        expect(await ask(one.olla, 2)).toEqual([503, 503]);
        one.upstream.behave = serves;
        expect(await ask(one.olla, 1)).toEqual([200]);
      }
    },
  },
  {
    name: "answers of 500 alone never open it",
    async run(harness) {
      await using one = await startOne(harness, answerJson({ error: "bad JSON" }, 500));
      expect(await ask(one.olla, 8)).toEqual(Array(8).fill(500));
      one.upstream.behave = serves;
      expect(await ask(one.olla, 1)).toEqual([200]);
    },
  },
  {
    name: "answers of 500 open it when a probe then fails, too",
    async run(harness) {
      await using upstream = new FakeUpstream({ kind: "vllm", behave: () => {} });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one", { check_interval: "1s", check_timeout: "500ms" })],
      });
      const answers = Array.from({ length: 3 }, () => post(olla));
      await upstream.exchange(2);
      upstream.health = answerJson({}, 500);
      for (const exchange of upstream.requests) await exchange.respondJson({ error: "no" }, 500);
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([500, 500, 500]);
      await waitUntil(async () => (await endpointStatus(olla, "one")).status !== "healthy", {
        what: "a probe is made at once, and fails",
      });
      upstream.health = answerJson({});
      upstream.behave = serves;
      await waitUntil(async () => (await endpointStatus(olla, "one")).status === "healthy", {
        what: "the endpoint is well again",
      });
      expect(await isRefused(olla)).toBeTrue();
      expect(upstream.requests.length).toBe(3);
    },
  },
  {
    name: "a model that fails alone does not close the endpoint to its other models",
    async run(harness) {
      await using one = await startOne(harness, (exchange) =>
        exchange.text.includes('"other"') ? serves(exchange) : unavailable(exchange),
      );
      expect(await ask(one.olla, 4)).toEqual([503, 503, 503, 503]);
      expect(one.upstream.requests.length).toBe(3);
      expect(await ask(one.olla, 3, chatBody({}, "other"))).toEqual([200, 200, 200]);
      expect(await isRefused(one.olla)).toBeTrue();
    },
  },
  {
    name: "circuit_breaker.enabled: false switches it off",
    async run(harness) {
      await using one = await startOne(harness, unavailable, { circuit_breaker: { enabled: false } });
      await ask(one.olla, 6);
      expect(one.upstream.requests.length).toBe(6);
    },
  },
  {
    name: "circuit_breaker.failure_threshold is the number of failures in a row",
    async run(harness) {
      await using one = await startOne(harness, unavailable, { circuit_breaker: { failure_threshold: 5 } });
      await ask(one.olla, 9);
      expect(one.upstream.requests.length).toBe(5);
    },
  },
  {
    name: "circuit_breaker.failure_rate opens it without failures in a row, counted over window",
    async run(harness) {
      for (const [failureRate, expected] of [
        [0.4, true],
        [0, false],
      ] as const) {
        await using one = await startOne(harness, serves, {
          circuit_breaker: { failure_threshold: 1000, failure_rate: failureRate, window: "1m" },
        });
        for (let round = 0; round < 20; round += 1) {
          one.upstream.behave = round % 2 === 0 ? unavailable : serves;
          await ask(one.olla, 1);
        }
        expect(one.upstream.requests.length < 20).toBe(expected);
      }
    },
  },
  {
    name: "its state is shown on the status routes, and its changes are logged",
    async run(harness) {
      await using failing = new FakeUpstream({ behave: unavailable });
      await using olla = await harness.start({
        endpoints: [endpointOf(failing, "one")],
        proxy: { circuit_breaker: { open_duration: "300ms" } },
      });
      expect(await breakerState(olla)).toBe("closed");
      await ask(olla, 3, JSON.stringify({ messages: [] }));
      expect(await breakerState(olla)).toBe("open");
      await waitUntil(async () => (await breakerState(olla)) === "half-open", { what: "it is half-open" });
      failing.behave = serves;
      await ask(olla, 1, JSON.stringify({ messages: [] }));
      expect(await breakerState(olla)).toBe("closed");
      const changes = olla
        .output()
        .split("\n")
        .filter((line) => /breaker/i.test(line));
      expect(changes.length).toBeGreaterThanOrEqual(2);
    },
  },
];

/** The breaker is the olla engine's own: sherpa leaves failing endpoints to the prober. */
export const breakerCases: readonly EngineCase[] = cases.map((each) => ({
  ...each,
  notBy: { sherpa: "only the olla engine has circuit breakers" },
}));
