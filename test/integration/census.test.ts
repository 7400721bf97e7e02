// Nothing that a request took may be left when it has ended, however it ended.

import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { engineNames } from "../../src/proxy/engine.ts";
import { countingClock } from "../support/counting-clock.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { hangAfterTokens, hangBeforeHead, streamTokens } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const chat = "POST /olla/proxy/v1/chat/completions HTTP/1.1";
const streaming = '{"model":"tiny","messages":[{"role":"user","content":"hi"}],"stream":true}';
const atOnce = 50;

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

type ClockCall = "now" | "wallTime" | "after" | "deadline";

/** A clock that fails at one of its calls: the only part of the app that a test can put in from outside. */
function faultyClock() {
  let armed: ClockCall | undefined;
  let callsLeft = 0;
  const mayFail = (call: ClockCall): void => {
    if (call !== armed) return;
    callsLeft -= 1;
    if (callsLeft > 0) return;
    armed = undefined;
    throw new Error("a fault with canary-detail in it");
  };
  const clock: Clock = {
    now() {
      mayFail("now");
      return systemClock.now();
    },
    wallTime() {
      mayFail("wallTime");
      return systemClock.wallTime();
    },
    after(delayMs, callback) {
      mayFail("after");
      return systemClock.after(delayMs, callback);
    },
    deadline(delayMs, callback) {
      mayFail("deadline");
      return systemClock.deadline(delayMs, callback);
    },
  };
  return {
    clock,
    /** Lets the given call fail, the next one being number 1. */
    arm(call: ClockCall, number: number) {
      armed = call;
      callsLeft = number;
    },
    /** Whether it did fail; from now on it does not. */
    disarm(): boolean {
      const hasFailed = armed === undefined;
      armed = undefined;
      return hasFailed;
    },
  };
}

/** One answer, and it is whole, or an error of ours, or visibly cut. */
function expectOneHonestAnswer(text: string): void {
  expect(text.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1);
  expect(text).not.toContain("canary-detail");
  if (/^HTTP\/1\.1 500 /.test(text)) {
    const [, json = ""] = text.split("\r\n\r\n");
    expect(JSON.parse(json)).toMatchObject({ error: { code: "internal", source: "olla" } });
    return;
  }
  const isWhole = text.includes("[DONE]");
  const isEnded = text.endsWith("\r\n0\r\n\r\n");
  if (isEnded && !isWhole) expect(text).toContain('"error"');
}

describe("a fault inside Olla is answered once, and leaves no count behind", () => {
  for (const engine of engineNames) {
    for (const call of ["now", "wallTime", "after", "deadline"] as const) {
      test(`wherever clock.${call}() fails (${engine})`, async () => {
        const faults = faultyClock();
        await using upstream = new FakeUpstream({ behave: streamTokens(["alpha", "beta"]) });
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
            proxy: { engine, queue: { max: 0 }, circuit_breaker: { enabled: false } },
          },
          faults.clock,
        );
        let faultCount = 0;
        for (let number = 1; number <= 60; number += 1) {
          using client = await RawClient.connect(olla.port);
          faults.arm(call, number);
          client.request(chat, ["Connection: close"], streaming);
          await within(client.closed, 5_000, `an answer when call ${number} fails`);
          if (!faults.disarm()) break;
          faultCount += 1;
          expectOneHonestAnswer(client.text);
          const status = await readStatus(olla);
          expect([number, /"active_connections":\d+/.exec(status)?.[0]]).toEqual([
            number,
            '"active_connections":0',
          ]);
        }
        expect(faultCount).toBeGreaterThan(0);
        using client = await RawClient.connect(olla.port);
        client.request(chat, [], streaming);
        await client.readUntil("[DONE]");
      }, 30_000);
    }
  }
});
