// Nothing that a translated request took may be left when it has ended, however it ended.

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { engineNames } from "../../src/proxy/engine.ts";
import { ask, translatedDialects } from "../conformance/engine/translated-dialects.ts";
import { countingClock } from "../support/counting-clock.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  completionOf,
  hangAfterTokens,
  hangBeforeHead,
  streamTokens,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

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

const sse = { "Content-Type": "text/event-stream" };

const cut: Behaviour = async (exchange) => {
  await hangAfterTokens(["alpha"])(exchange);
  await exchange.endChunked();
};

const errorFirst: Behaviour = async (exchange) => {
  await exchange.startChunked(200, sse);
  await exchange.chunk('data: {"error":{"message":"overloaded"}}\n\n');
  await exchange.endChunked();
};

const longRefusal: Behaviour = async (exchange) => {
  await exchange.startChunked(422, { "Content-Type": "text/html" });
  const page = "x".repeat(64_000);
  for (let count = 0; count < 8; count += 1) await exchange.chunk(page);
};

const silentBody: Behaviour = (exchange) => exchange.startChunked(200, sse);

/** Each in every dialect; those that hang are left by the client. */
const ends: readonly (readonly [behave: Behaviour, isLeft: boolean])[] = [
  [streamTokens(["fine"]), false],
  [answerJson(completionOf("fine")), false],
  [cut, false],
  [errorFirst, false],
  [answerJson({ choices: [] }), false],
  [answerJson({ error: { message: "no" } }, 400), false],
  [longRefusal, false],
  [(exchange) => exchange.reset(), false],
  [hangBeforeHead, true],
  [silentBody, true],
  [hangAfterTokens(["alpha"]), true],
];

async function runAll(olla: RunningOlla, upstream: FakeUpstream, atOnce: number): Promise<void> {
  for (const [behave, isLeft] of ends) {
    upstream.behave = behave;
    for (const dialect of translatedDialects) {
      const before = upstream.requests.length;
      const leaving = new AbortController();
      const answers = Array.from({ length: atOnce }, async () => {
        const answer = await ask(olla, dialect, { signal: leaving.signal });
        await answer.text();
      });
      const settled = Promise.allSettled(answers);
      if (isLeft) {
        await waitUntil(() => upstream.requests.length === before + atOnce, { what: "all are under way" });
        leaving.abort();
      }
      await settled;
    }
  }
}

async function readStatus(olla: RunningOlla): Promise<string> {
  return (await fetch(`${olla.url}/internal/status`)).text();
}

for (const engine of engineNames) {
  test(`translated requests of every end leave nothing behind (${engine})`, async () => {
    const clock = countingClock();
    await using upstream = new FakeUpstream({ lacks: ["/v1/responses", "/v1/messages", "/api/chat"] });
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
        proxy: {
          engine,
          keepalive_interval: "5s",
          circuit_breaker: { enabled: false },
          sticky_sessions: { enabled: true },
        },
        sections: { logging: { level: "error", format: "json" } },
      },
      clock,
    );
    const isIdle = async () => /"active_connections":0\b/.test(await readStatus(olla));
    await runAll(olla, upstream, 5);
    await waitUntil(isIdle, { what: "no request is counted any more" });
    const timersBefore = clock.pending;
    const objectsBefore = countObjects();

    await runAll(olla, upstream, 20);
    await waitUntil(isIdle, { what: "no request is counted any more" });
    expect(await readStatus(olla)).not.toMatch(/"(?:depth|waiting)":[1-9]/);
    await waitUntil(() => upstream.openConnections <= 24, { what: "only kept-alive connections stay" });
    await waitUntil(() => clock.pending <= timersBefore, { what: "no timer is left" });
    await waitUntil(
      () => {
        const now = countObjects();
        return perRequestTypes.every((type) => (now[type] ?? 0) <= (objectsBefore[type] ?? 0) + 100);
      },
      { what: "no object of a request is left" },
    );
    await olla.stop();
    expect(clock.pending).toBe(0);
  }, 60_000);
}
