// Nothing that a request took may be left when it has ended, however it ended.

import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { engineNames } from "../../src/proxy/engine.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { hangAfterTokens, hangBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const chat = "POST /olla/proxy/v1/chat/completions HTTP/1.1";
const streaming = '{"model":"tiny","messages":[{"role":"user","content":"hi"}],"stream":true}';
const atOnce = 50;

/** The real clock, and how many of its timers wait. */
function countingClock(): Clock & { readonly pending: number } {
  const timers = new Set<() => void>();
  return {
    now: systemClock.now,
    wallTime: systemClock.wallTime,
    after(delayMs, callback) {
      const cancel = systemClock.after(delayMs, () => {
        timers.delete(cancel);
        callback();
      });
      timers.add(cancel);
      return () => {
        timers.delete(cancel);
        cancel();
      };
    },
    get pending() {
      return timers.size;
    },
  };
}

/** What grows by one for each request if a request leaves something behind. */
const perRequestTypes = [
  "AbortSignal",
  "AbortController",
  "Request",
  "Response",
  "ReadableStream",
  "Headers",
];

function countObjects(): Readonly<Record<string, number>> {
  Bun.gc(true);
  const { objectTypeCounts } = heapStats();
  return Object.fromEntries(perRequestTypes.map((type) => [type, objectTypeCounts[type] ?? 0]));
}

async function abortStreams(olla: RunningOlla, upstream: FakeUpstream, count: number): Promise<void> {
  for (let done = 0; done < count; done += atOnce) {
    const before = upstream.requests.length;
    const clients = await Promise.all(Array.from({ length: atOnce }, () => RawClient.connect(olla.port)));
    for (const client of clients) client.request(chat, [], streaming);
    await waitUntil(() => upstream.requests.length === before + atOnce, { what: "all are under way" });
    if (upstream.behave !== hangBeforeHead) {
      await Promise.all(clients.map((client) => client.readUntil("alpha")));
    }
    // Half of them leave politely.
    for (const [index, client] of clients.entries()) index % 2 === 0 ? client.close() : client.reset();
    await Promise.all(upstream.requests.slice(before).map(({ gone }) => gone));
  }
}

async function readStatus(olla: RunningOlla): Promise<string> {
  return (await fetch(`${olla.url}/internal/status`)).text();
}

describe("1,000 aborted streams leave nothing behind", () => {
  for (const engine of engineNames) {
    test(`under the ${engine} engine`, async () => {
      const clock = countingClock();
      await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
      await using olla = await startOlla(
        {
          endpoints: [
            {
              name: "one",
              url: upstream.url,
              type: "openai-compatible",
              max_concurrent: 200,
              check_interval: "60s",
            },
          ],
          proxy: { engine, keepalive_interval: "5s", sticky_sessions: { enabled: true } },
          sections: { logging: { level: "error", format: "json" } },
        },
        clock,
      );
      await abortStreams(olla, upstream, 200);
      await waitUntil(async () => /"active_connections":0\b/.test(await readStatus(olla)));
      const timersBefore = clock.pending;
      const objectsBefore = countObjects();

      upstream.behave = hangBeforeHead;
      await abortStreams(olla, upstream, 300);
      upstream.behave = hangAfterTokens(["alpha"]);
      await abortStreams(olla, upstream, 700);

      await waitUntil(async () => /"active_connections":0\b/.test(await readStatus(olla)), {
        what: "no request is counted any more",
      });
      const status = await readStatus(olla);
      expect(status).not.toMatch(/"(?:depth|waiting)":[1-9]/);
      expect(status).toContain('"total_failures":0');
      // Only what waits between two requests for the next one: probes and lists.
      await waitUntil(() => upstream.openConnections <= 2, { what: "the upstream connections are closed" });
      expect(clock.pending).toBeLessThanOrEqual(timersBefore);
      const kept = await waitUntil(() => {
        const now = countObjects();
        const grown = perRequestTypes.filter((type) => (now[type] ?? 0) > (objectsBefore[type] ?? 0) + 100);
        return grown.length === 0 ? now : undefined;
      });
      expect(kept).toBeDefined();
      await olla.stop();
      expect(clock.pending).toBe(0);
      // The last list of models came over the runtime's own pool, which keeps one connection and can't be closed.
      await waitUntil(() => upstream.openConnections <= 1, { what: "stopping closes the rest" });
    }, 60_000);
  }
});

describe("a fault inside Olla", () => {
  /** A clock that fails while it is told to: the only part of the app that a test can put in from outside. */
  function faultyClock(): Clock & { isBroken: boolean } {
    const clock = {
      isBroken: false,
      now: systemClock.now,
      wallTime: systemClock.wallTime,
      after(delayMs: number, callback: () => void) {
        if (clock.isBroken) throw new Error("a fault with canary-detail in it");
        return systemClock.after(delayMs, callback);
      },
    };
    return clock;
  }

  for (const engine of engineNames) {
    test(`before the answer is one well-formed 500, and no count is left (${engine})`, async () => {
      const clock = faultyClock();
      await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
      await using olla = await startOlla(
        {
          endpoints: [
            {
              name: "one",
              url: upstream.url,
              type: "openai-compatible",
              check_interval: "60s",
              max_concurrent: 1,
            },
          ],
          proxy: { engine },
        },
        clock,
      );
      for (let round = 0; round < 3; round += 1) {
        using client = await RawClient.connect(olla.port);
        clock.isBroken = true;
        client.request(chat, [], streaming);
        const answer = await client.readResponse();
        clock.isBroken = false;
        expect(answer.startLine).toContain(" 500 ");
        expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "internal", source: "olla" } });
        expect(answer.text).not.toContain("canary-detail");
        // The connection is still good for another request, and nothing of a second answer is on it.
        client.request("GET /internal/health HTTP/1.1");
        expect((await client.readResponse()).startLine).toContain(" 200 ");
      }
      expect(await readStatus(olla)).toContain('"active_connections":0');
      expect(olla.output()).toContain("canary-detail");
      using client = await RawClient.connect(olla.port);
      client.request(chat, [], streaming);
      await client.readUntil("alpha");
    });
  }
});
