import { expect } from "bun:test";
import { openBlackHole } from "../../support/black-hole.ts";
import { findDeadPort } from "../../support/dead-port.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { RunningOlla } from "../../support/start-olla.ts";
import { hangAfterTokens, hangBeforeHead } from "../../support/upstream-behaviours.ts";
import { timeUntil, waitUntil, waitUntilSettled } from "../../support/wait-until.ts";
import {
  chatPath,
  type EngineCase,
  endpointAt,
  endpointOf,
  endpointStatus,
  first,
  second,
  streamingChat,
  systemStatus,
} from "./engine-case.ts";

/** Logged as 499, and nobody but the client is held responsible. */
async function expectBlamedOnClient(olla: RunningOlla, endpoint: string): Promise<void> {
  await waitUntil(() => olla.accessLog().some(({ status }) => status === 499), {
    what: "an access line with 499",
  });
  await waitUntil(async () => (await systemStatus(olla)).active_connections === 0, {
    what: "no connection is counted any more",
  });
  const row = await endpointStatus(olla, endpoint);
  expect(row.status).toBe("healthy");
  expect(row.issues ?? "").toBe("");
  expect((await systemStatus(olla)).total_failures).toBe(0);
}

async function ask(olla: RunningOlla): Promise<RawClient> {
  const client = await RawClient.connect(olla.port);
  client.request(`POST ${chatPath} HTTP/1.1`, ["Content-Type: application/json"], streamingChat);
  return client;
}

export const hangUpCases: readonly EngineCase[] = [
  {
    name: "a client that leaves while sending its body costs no upstream request and is logged as 499",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.send(
        `POST ${chatPath} HTTP/1.1\r\nHost: olla.localhost\r\nContent-Length: 1000\r\n\r\n{"model":`,
      );
      await waitUntil(() => client.isFlushed, { what: "the first part of the body is sent" });
      client.close();
      await expectBlamedOnClient(olla, "one");
      expect(upstream.requests.length).toBe(0);
    },
  },
  {
    name: "a client that leaves before the response head closes the upstream request within 100 ms",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangBeforeHead });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await ask(olla);
      const exchange = await upstream.exchange();
      expect(await timeUntil(exchange.gone, () => client.close())).toBeLessThan(100);
      await expectBlamedOnClient(olla, "one");
      expect(upstream.requests.length).toBe(1);
    },
  },
  {
    name: "a client that leaves mid-stream closes the upstream request within 100 ms",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await ask(olla);
      await client.readUntil("alpha");
      const exchange = await upstream.exchange();
      expect(await timeUntil(exchange.gone, () => client.close())).toBeLessThan(100);
      await expectBlamedOnClient(olla, "one");
    },
  },
  {
    name: "a client that resets its connection mid-stream closes the upstream request within 100 ms",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await ask(olla);
      await client.readUntil("alpha");
      const exchange = await upstream.exchange();
      expect(await timeUntil(exchange.gone, () => client.reset())).toBeLessThan(100);
      await expectBlamedOnClient(olla, "one");
    },
  },
  {
    name: "a client that leaves in the middle of an answer sent whole closes the upstream request within 100 ms",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          await exchange.head(200, { "Content-Type": "application/json", "Content-Length": "1000" });
          await exchange.write('{"half":');
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await ask(olla);
      const exchange = await upstream.exchange();
      await waitUntilSettled(() => client.receivedBytes, 50);
      expect(await timeUntil(exchange.gone, () => client.close())).toBeLessThan(100);
      await expectBlamedOnClient(olla, "one");
    },
  },
  {
    name: "a client that leaves after a failover closes the second upstream's request within 100 ms",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: hangBeforeHead });
      const dead = endpointAt(`http://127.0.0.1:${findDeadPort()}`, upstream, "dead", first);
      await using olla = await harness.start({ endpoints: [dead, endpointOf(upstream, "alive", second)] });
      using client = await ask(olla);
      const exchange = await upstream.exchange();
      expect(await timeUntil(exchange.gone, () => client.close())).toBeLessThan(100);
      await waitUntil(() => olla.accessLog().some(({ status }) => status === 499), {
        what: "an access line with 499",
      });
      expect((await endpointStatus(olla, "alive")).status).toBe("healthy");
      expect(upstream.requests.length).toBe(1);
    },
  },
  {
    name: "a client that leaves while its request is still connecting is not failed over to anybody",
    async run(harness) {
      using hole = await openBlackHole();
      await using upstream = new FakeUpstream();
      const dark = endpointAt(hole.url, upstream, "dark", first);
      await using olla = await harness.start({
        endpoints: [dark, endpointOf(upstream, "alive", second)],
        proxy: { connection_timeout: "500ms" },
      });
      using client = await ask(olla);
      await waitUntil(async () => (await systemStatus(olla)).active_connections === 1, {
        what: "the request is under way",
      });
      client.close();
      await waitUntil(() => olla.accessLog().some(({ status }) => status === 499), {
        what: "an access line with 499",
      });
      await waitUntilSettled(() => upstream.requests.length, 700);
      expect(upstream.requests.length).toBe(0);
      expect((await endpointStatus(olla, "dark")).status).toBe("healthy");
    },
  },
];
