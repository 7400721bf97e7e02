import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Exchange } from "../../support/socket-server.ts";
import type { RunningOlla } from "../../support/start-olla.ts";
import { answerJson, completionOf, sseToken } from "../../support/upstream-behaviours.ts";
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
  systemStatus,
} from "./engine-case.ts";

/** Answers nothing by itself: the test does, when it is time. */
function heldUpstream(models?: readonly string[]): FakeUpstream {
  return new FakeUpstream({ behave: () => {}, ...(models && { models }) });
}

function release(exchange: Exchange): Promise<void> {
  return exchange.respondJson(completionOf("done"));
}

/** One endpoint that does one thing at a time. */
async function startSingle(harness: EngineHarness, queue: Readonly<Record<string, unknown>> = {}) {
  const upstream = heldUpstream();
  const olla = await harness.start({
    endpoints: [endpointOf(upstream, "one", { max_concurrent: 1 })],
    proxy: { queue },
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

function ask(olla: RunningOlla, tag: string, model = "tiny"): Promise<Response> {
  return post(olla, chatBody({ tag }, model));
}

function tagOf({ text }: Exchange): unknown {
  return (JSON.parse(text) as { tag?: unknown }).tag;
}

async function askRaw(olla: RunningOlla, body: string): Promise<RawClient> {
  const client = await RawClient.connect(olla.port);
  client.request(`POST ${chatPath} HTTP/1.1`, [], body);
  return client;
}

/** How many wait for the endpoint, as the status says it. */
async function waitForDepth(olla: RunningOlla, depth: number, name = "one"): Promise<void> {
  await waitUntil(async () => queueDepthOf(await endpointStatus(olla, name)) === depth, {
    what: `${depth} requests wait`,
  });
}

function queueDepthOf(row: Readonly<Record<string, unknown>>): unknown {
  return (row.queue as { depth?: unknown } | undefined)?.depth;
}

async function expectBusy(answer: Response, code: string): Promise<void> {
  expect(answer.status).toBe(429);
  expect(answer.headers.get("x-olla-error")).toBe(code);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await answer.json()) as unknown).toHaveProperty("error.code", code);
}

export const queueCases: readonly EngineCase[] = [
  {
    name: "an endpoint with max_concurrent gets no more than that; the next request goes to another one",
    async run(harness) {
      await using one = heldUpstream();
      await using two = heldUpstream();
      await using olla = await harness.start({
        endpoints: [
          endpointOf(one, "one", { ...first, max_concurrent: 1 }),
          endpointOf(two, "two", { ...second, max_concurrent: 1 }),
        ],
      });
      const answers = [ask(olla, "a")];
      await one.exchange();
      answers.push(ask(olla, "b"));
      await two.exchange();
      answers.push(ask(olla, "c"), ask(olla, "d"));
      await waitForDepth(olla, 2);
      expect([one.requests.length, two.requests.length]).toEqual([1, 1]);
      await release(await two.exchange());
      expect(tagOf(await two.exchange(1))).toBe("c");
      await release(await one.exchange());
      expect(tagOf(await one.exchange(1))).toBe("d");
      await release(await one.exchange(1));
      await release(await two.exchange(1));
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect((await systemStatus(olla)).active_connections).toBe(0);
    },
  },
  {
    name: "those who wait are served in the order of their coming, and how long it took is said",
    async run(harness) {
      await using single = await startSingle(harness);
      const { olla, upstream } = single;
      const answers = [ask(olla, "0")];
      await upstream.exchange();
      for (let index = 1; index < 6; index += 1) {
        answers.push(ask(olla, String(index)));
        await waitForDepth(olla, index);
      }
      for (let index = 0; index < 6; index += 1) {
        const exchange = await upstream.exchange(index);
        expect(tagOf(exchange)).toBe(String(index));
        expect(upstream.requests.length).toBe(index + 1);
        await release(exchange);
      }
      const [straight, , , , , last] = await Promise.all(answers);
      expect(Number(straight?.headers.get("x-olla-queue-time")?.replace("ms", "") ?? 0)).toBe(0);
      expect(last?.headers.get("x-olla-queue-time")).toMatch(/^\d+ms$/);
      expect(last?.headers.get("x-olla-queue-depth")).toBe("4");
      await waitForDepth(olla, 0);
      const lines = olla.accessLog().filter(({ path }) => path === chatPath);
      expect(lines.map(({ queue_ms }) => typeof queue_ms)).toEqual(["undefined", ...Array(5).fill("number")]);
    },
  },
  {
    name: "a stream keeps its place until its end",
    async run(harness) {
      await using single = await startSingle(harness);
      const { olla, upstream } = single;
      const streamed = post(olla, streamingChat);
      const stream = await upstream.exchange();
      await stream.startChunked(200, { "Content-Type": "text/event-stream" });
      await stream.chunk(sseToken("alpha"));
      const answer = await streamed;
      const waiting = ask(olla, "next");
      await waitForDepth(olla, 1);
      await waitUntilSettled(() => upstream.requests.length, 50);
      expect(upstream.requests.length).toBe(1);
      await stream.chunk("data: [DONE]\n\n");
      await stream.endChunked();
      expect(await answer.text()).toContain("[DONE]");
      await release(await upstream.exchange(1));
      expect((await waiting).status).toBe(200);
    },
  },
  {
    name: "a queue that is full (proxy.queue.max) is a 429 with Retry-After, before anything is sent",
    async run(harness) {
      await using single = await startSingle(harness, { max: 1 });
      const { olla, upstream } = single;
      const served = [ask(olla, "a")];
      await upstream.exchange();
      served.push(ask(olla, "b"));
      await waitForDepth(olla, 1);
      await expectBusy(await ask(olla, "c"), "queue_full");
      await release(await upstream.exchange(0));
      await release(await upstream.exchange(1));
      expect((await Promise.all(served)).map(({ status }) => status)).toEqual([200, 200]);
      expect(upstream.requests.map(tagOf)).toEqual(["a", "b"]);
      // Nobody is to blame.
      expect((await systemStatus(olla)).total_failures).toBe(0);
    },
  },
  {
    name: "who was refused by one endpoint and finds the other's queue full gets the refusal",
    async run(harness) {
      await using busy = heldUpstream();
      await using refusing = new FakeUpstream({ behave: answerJson({ error: "own 503" }, 503) });
      await using olla = await harness.start({
        endpoints: [
          endpointOf(refusing, "refusing", first),
          endpointOf(busy, "busy", { ...second, max_concurrent: 1 }),
        ],
        proxy: { queue: { max: 0 } },
      });
      const held = ask(olla, "held");
      const exchange = await busy.exchange();
      const refused = await ask(olla, "refused");
      expect([refused.status, await refused.json()]).toEqual([503, { error: "own 503" }]);
      await release(exchange);
      expect((await held).status).toBe(200);
    },
  },
  {
    name: "with proxy.queue.max: 0 nobody waits",
    async run(harness) {
      await using single = await startSingle(harness, { max: 0 });
      const served = ask(single.olla, "a");
      const exchange = await single.upstream.exchange();
      await expectBusy(await ask(single.olla, "b"), "queue_full");
      await release(exchange);
      expect((await served).status).toBe(200);
    },
  },
  {
    name: "a wait longer than proxy.queue.timeout is a 429 with Retry-After",
    async run(harness) {
      await using single = await startSingle(harness, { timeout: "200ms" });
      const served = ask(single.olla, "a");
      const exchange = await single.upstream.exchange();
      const askedAt = performance.now();
      await expectBusy(await ask(single.olla, "b"), "queue_timeout");
      expect(performance.now() - askedAt).toBeWithin(190, 2_000);
      await waitForDepth(single.olla, 0);
      await release(exchange);
      expect((await served).status).toBe(200);
      expect(single.upstream.requests.length).toBe(1);
    },
  },
  {
    name: "a client that hangs up leaves the queue at once, and its request is never sent",
    async run(harness) {
      await using single = await startSingle(harness, { max: 1 });
      const { olla, upstream } = single;
      const served = ask(olla, "a");
      await upstream.exchange();
      using leaver = await askRaw(olla, chatBody({ tag: "leaver" }));
      await waitForDepth(olla, 1);
      leaver.close();
      await waitUntil(() => olla.accessLog().some(({ status }) => status === 499), {
        what: "an access line with 499",
      });
      await waitForDepth(olla, 0);
      const next = ask(olla, "b");
      await waitForDepth(olla, 1);
      await release(await upstream.exchange(0));
      await release(await upstream.exchange(1));
      expect([(await served).status, (await next).status]).toEqual([200, 200]);
      expect(upstream.requests.map(tagOf)).toEqual(["a", "b"]);
    },
  },
  {
    name: "requests for one model wait without holding up those for another",
    async run(harness) {
      await using big = heldUpstream(["big"]);
      await using small = heldUpstream(["small"]);
      await using olla = await harness.start({
        endpoints: [
          endpointOf(big, "big", { max_concurrent: 1 }),
          endpointOf(small, "small", { max_concurrent: 1 }),
        ],
      });
      const bigs = [ask(olla, "a", "big")];
      await big.exchange();
      bigs.push(ask(olla, "b", "big"));
      await waitForDepth(olla, 1, "big");
      const answer = ask(olla, "c", "small");
      await release(await small.exchange());
      expect((await answer).status).toBe(200);
      expect(big.requests.length).toBe(1);
      await release(await big.exchange(0));
      await release(await big.exchange(1));
      expect((await Promise.all(bigs)).map(({ status }) => status)).toEqual([200, 200]);
    },
  },
  {
    name: "a place is free again after a hang-up, a failure and a broken answer",
    async run(harness) {
      await using single = await startSingle(harness, { max: 0 });
      const { olla, upstream } = single;
      const served = async (index: number): Promise<void> => {
        const answer = ask(olla, "good");
        await release(await upstream.exchange(index));
        expect((await answer).status).toBe(200);
      };

      using leaver = await askRaw(olla, chatBody());
      const left = await upstream.exchange(0);
      leaver.close();
      await within(left.gone, 1_000, "the upstream request is ended");
      await waitUntil(async () => (await systemStatus(olla)).active_connections === 0, {
        what: "the place is given back",
      });
      await served(1);

      const refused = ask(olla, "refused");
      await (await upstream.exchange(2)).respondJson({ error: "no" }, 400);
      expect((await refused).status).toBe(400);
      await served(3);

      const broken = post(olla, streamingChat);
      const stream = await upstream.exchange(4);
      await stream.startChunked(200, { "Content-Type": "text/event-stream" });
      await stream.chunk(sseToken("alpha"));
      stream.close();
      expect(await (await broken).text()).toContain('"error"');
      await served(5);
    },
  },
  {
    name: "who waits is not sent to an endpoint that asked for time in the meantime",
    async run(harness) {
      await using one = heldUpstream();
      await using two = heldUpstream();
      await using olla = await harness.start({
        endpoints: [
          endpointOf(one, "one", { ...first, max_concurrent: 1 }),
          endpointOf(two, "two", { ...second, max_concurrent: 1 }),
        ],
      });
      const answers = [ask(olla, "a")];
      const refused = await one.exchange();
      answers.push(ask(olla, "b"));
      await two.exchange();
      answers.push(ask(olla, "c"));
      await waitForDepth(olla, 1);
      await refused.respondJson({ error: { message: "not now" } }, 503, { "Retry-After": "60" });
      for (let index = 0; index < 3; index += 1) await release(await two.exchange(index));
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(one.requests.length).toBe(1);
    },
  },
  {
    name: "max_concurrent: 0 is no limit",
    async run(harness) {
      await using upstream = heldUpstream();
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one", { max_concurrent: 0 })],
      });
      const answers = Array.from({ length: 30 }, (_, index) => ask(olla, String(index)));
      await waitUntil(() => upstream.requests.length === 30, { what: "all are sent at once" });
      for (const exchange of upstream.requests) await release(exchange);
      expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBeTrue();
    },
  },
];
