import { expect } from "bun:test";
import { openBlackHole } from "../../support/black-hole.ts";
import { findDeadPort } from "../../support/dead-port.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import { resetReusedConnections } from "../../support/raw-upstream.ts";
import type { Behaviour } from "../../support/socket-server.ts";
import type { RunningOlla } from "../../support/start-olla.ts";
import {
  answerJson,
  closeBeforeHead,
  completionOf,
  resetBeforeHead,
  sendGarbage,
  TokenStream,
  truncateHead,
} from "../../support/upstream-behaviours.ts";
import { waitUntil } from "../../support/wait-until.ts";
import {
  chatBody,
  chatPath,
  type EngineCase,
  endpointAt,
  endpointOf,
  endpointStatus,
  first,
  second,
  streamingChat,
} from "./engine-case.ts";

function post(olla: RunningOlla, body = chatBody()): Promise<Response> {
  return fetch(`${olla.url}${chatPath}`, { method: "POST", body, headers: { "X-Own": "kept" } });
}

/** The request was answered by the endpoint "alive", with the very bytes that the client sent. */
async function expectServedByAlive(answer: Response, alive: FakeUpstream, body: string): Promise<void> {
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
  expect(alive.requests.length).toBe(1);
  const exchange = await alive.exchange();
  expect(exchange.text).toBe(body);
  expect(exchange.header("x-own")).toBe("kept");
}

export const failoverCases: readonly EngineCase[] = [
  {
    name: "a refused connection fails over with the body replayed, and the endpoint is offline at once",
    async run(harness) {
      await using alive = new FakeUpstream();
      const dead = endpointAt(`http://127.0.0.1:${findDeadPort()}`, alive, "dead", first);
      await using olla = await harness.start({ endpoints: [dead, endpointOf(alive, "alive", second)] });
      expect((await endpointStatus(olla, "dead")).status).toBe("healthy");
      await expectServedByAlive(await post(olla), alive, chatBody());
      expect((await endpointStatus(olla, "dead")).status).toBe("offline");
    },
  },
  {
    name: "a reset before the response head fails over with the body replayed",
    async run(harness) {
      await using broken = new FakeUpstream({ behave: resetBeforeHead });
      await using alive = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [endpointOf(broken, "broken", first), endpointOf(alive, "alive", second)],
      });
      await expectServedByAlive(await post(olla), alive, chatBody());
      // Once more on a fresh connection is allowed: a reset may have been a stale kept-alive one.
      expect(broken.requests.length).toBeWithin(1, 3);
    },
  },
  {
    name: "an orderly end before the response head fails over with the body replayed",
    async run(harness) {
      await using broken = new FakeUpstream({ behave: closeBeforeHead });
      await using alive = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [endpointOf(broken, "broken", first), endpointOf(alive, "alive", second)],
      });
      await expectServedByAlive(await post(olla), alive, chatBody());
      expect(broken.requests.length).toBeWithin(1, 3);
    },
  },
  {
    name: "a request that makes every endpoint close its connection takes none of them out of routing",
    async run(harness) {
      const choosy: Behaviour = (exchange) =>
        exchange.text.includes("poison") ? exchange.close() : exchange.respondJson(completionOf("well"));
      await using one = new FakeUpstream({ behave: choosy });
      await using two = new FakeUpstream({ behave: choosy });
      await using olla = await harness.start({ endpoints: [endpointOf(one, "one"), endpointOf(two, "two")] });
      expect((await post(olla, chatBody({ user: "poison" }))).status).toBe(502);
      expect((await post(olla, chatBody())).status).toBe(200);
    },
  },
  {
    name: "a host that never accepts the connection fails over within connection_timeout and a little",
    async run(harness) {
      using hole = await openBlackHole();
      await using alive = new FakeUpstream();
      const dark = endpointAt(hole.url, alive, "dark", first);
      await using olla = await harness.start({
        endpoints: [dark, endpointOf(alive, "alive", second)],
        proxy: { connection_timeout: "400ms" },
      });
      const askedAt = performance.now();
      await expectServedByAlive(await post(olla), alive, chatBody());
      expect(performance.now() - askedAt).toBeLessThan(2_000);
    },
  },
  {
    name: "each candidate is asked once, in order of priority, and the answer says that all have failed",
    async run(harness) {
      await using witness = new FakeUpstream();
      const dead = [300, 200, 100].map((priority) =>
        endpointAt(`http://127.0.0.1:${findDeadPort()}`, witness, `dead-${priority}`, { priority }),
      );
      await using olla = await harness.start({ endpoints: dead });
      const answer = await post(olla);
      expect(answer.status).toBe(502);
      expect(answer.headers.get("x-olla-request-id")).toBeTruthy();
      expect(answer.headers.get("x-olla-endpoint")).toBe("dead-100");
      expect(answer.headers.get("x-olla-backend-type")).toBe(witness.kind);
      const text = await answer.text();
      expect(text).not.toContain("127.0.0.1");
      expect((JSON.parse(text) as { error: { code: string } }).error.code).toBe("connect_refused");
      for (const { name } of dead) expect((await endpointStatus(olla, String(name))).status).toBe("offline");
      const next = await post(olla);
      expect(next.status).toBe(503);
    },
  },
  {
    name: "once a response head was passed on there is no second answer, for POST and for GET",
    async run(harness) {
      for (const method of ["POST", "GET"]) {
        const started = Promise.withResolvers<TokenStream>();
        await using broken = new FakeUpstream({
          behave: async (exchange) => started.resolve(await TokenStream.start(exchange)),
        });
        await using alive = new FakeUpstream();
        await using olla = await harness.start({
          endpoints: [endpointOf(broken, "broken", first), endpointOf(alive, "alive", second)],
        });
        using client = await RawClient.connect(olla.port);
        client.request(`${method} ${chatPath} HTTP/1.1`, [], method === "POST" ? streamingChat : "");
        const tokens = await started.promise;
        await tokens.push("alpha");
        await client.readUntil("alpha");
        tokens.reset();
        await client.readUntil('"error"');
        expect(client.text.match(/HTTP\/1\.1 /g)?.length).toBe(1);
        expect(broken.requests.length).toBe(1);
        expect(alive.requests.length).toBe(0);
      }
    },
  },
  {
    name: "bytes that are no HTTP are a 502 of ours, and the request is not sent elsewhere",
    async run(harness) {
      await using broken = new FakeUpstream({ behave: sendGarbage });
      await using alive = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [endpointOf(broken, "broken", first), endpointOf(alive, "alive", second)],
      });
      const answer = await post(olla);
      expect(answer.status).toBe(502);
      expect((await answer.json()) as unknown).toHaveProperty("error.code", "malformed_response");
      expect(alive.requests.length).toBe(0);
    },
  },
  {
    name: "a response head that breaks off is answered once, by another endpoint or with a 502 of ours",
    async run(harness) {
      await using broken = new FakeUpstream({ behave: truncateHead });
      await using alive = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [endpointOf(broken, "broken", first), endpointOf(alive, "alive", second)],
      });
      const answer = await post(olla);
      expect([200, 502]).toContain(answer.status);
      expect(alive.requests.length).toBe(answer.status === 200 ? 1 : 0);
    },
  },
  {
    name: "a POST on a kept-alive connection that the upstream had closed is served, once",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      for (let round = 0; round < 5; round += 1) {
        expect((await post(olla)).status).toBe(200);
        upstream.closeIdleConnections();
      }
      expect(upstream.requests.length).toBe(5);
      expect((await endpointStatus(olla, "one")).status).toBe("healthy");
    },
  },
  {
    name: "a POST that is reset on a reused connection is sent again on a fresh one, and nobody is blamed",
    async run(harness) {
      await using upstream = new FakeUpstream({
        behave: resetReusedConnections(1, answerJson({ ok: true })),
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      for (let round = 0; round < 6; round += 1) {
        const answer = await post(olla);
        expect(answer.status).toBe(200);
        expect(await answer.json()).toEqual({ ok: true });
      }
      expect((await endpointStatus(olla, "one")).status).toBe("healthy");
    },
  },
  {
    name: "endpoints behind one gateway share its connections",
    async run(harness) {
      await using gateway = new FakeUpstream();
      const behind = (name: string) =>
        endpointAt(`${gateway.url}/${name}`, gateway, name, { preserve_path: true, check_interval: "1h" });
      await using olla = await harness.start({
        endpoints: [behind("one"), behind("two")],
        proxy: { load_balancer: "round-robin" },
      });
      const answeredBy = async () => (await post(olla)).headers.get("x-olla-endpoint");
      const begun = await answeredBy();
      const { openedConnections } = gateway;
      const names = [begun, await answeredBy(), await answeredBy(), await answeredBy()];
      expect(names).toEqual(begun === "one" ? ["one", "two", "one", "two"] : ["two", "one", "two", "one"]);
      expect(gateway.openedConnections).toBe(openedConnections);
    },
  },
  {
    name: "an endpoint that comes back is used again after its next good probe",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: closeBeforeHead });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one", { check_interval: "1s", check_timeout: "500ms" })],
      });
      const { health } = upstream;
      upstream.health = closeBeforeHead;
      expect((await post(olla)).status).toBe(502);
      // A connection that closes early is looked into at once, and not only at the next interval.
      await waitUntil(async () => (await endpointStatus(olla, "one")).status === "offline", {
        what: "the endpoint is offline",
      });
      upstream.behave = answerJson({ ok: true });
      upstream.health = health;
      await waitUntil(async () => (await post(olla)).status === 200, { what: "the endpoint serves again" });
    },
  },
];
