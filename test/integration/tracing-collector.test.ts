// What a collector gets, and what it can do to Olla.
import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import type { RunningOlla } from "../support/start-olla.ts";
import { ask, startTraced } from "../support/traced-olla.ts";
import { answerJson, completionOf } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

describe("a collector that", () => {
  const silent = () => new Promise<Response>(() => {});
  const spansLost = (olla: RunningOlla) =>
    olla
      .output()
      .split("\n")
      .filter((line) => line.includes("Traces were not delivered"))
      .map((line) => JSON.parse(line) as { spans: number; reason: string });

  test.each([
    ["never answers", silent],
    ["is busy", () => new Response("", { status: 503, headers: { "retry-after": "60" } })],
    ["refuses everything", () => new Response("", { status: 400 })],
    ["answers nonsense", () => new Response("\u0000\u0001 nonsense")],
  ])("%s keeps no request waiting", async (_what, answer) => {
    await using receiver = new OtlpReceiver(answer);
    await using traced = await startTraced(undefined, {
      receiver,
      env: { OTEL_BSP_MAX_QUEUE_SIZE: "20", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10" },
    });
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(traced.olla)));
      expect(answers.map(({ status }) => status)).toEqual(new Array(10).fill(200));
      await Promise.all(answers.map((each) => each.text()));
    }
    await waitUntil(() => receiver.deliveries.length > 0);
    const stoppedFrom = performance.now();
    await traced.olla.stop();
    expect(performance.now() - stoppedFrom).toBeLessThan(4000);
    // One line a minute, and one at the end.
    expect(spansLost(traced.olla).length).toBeLessThan(3);
    expect(receiver.faults).toEqual([]);
  });

  test("never answers gets what the queue holds, and the rest is counted as lost", async () => {
    await using receiver = new OtlpReceiver(silent);
    await using traced = await startTraced(undefined, {
      receiver,
      env: { OTEL_BSP_MAX_QUEUE_SIZE: "20", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10" },
    });
    for (let request = 0; request < 40; request += 1) await (await ask(traced.olla)).text();
    await traced.olla.stop();
    const lost = spansLost(traced.olla);
    // Two spans for each request; all were lost, those in the queue when Olla stopped.
    expect(lost.map(({ reason }) => reason)).toEqual(["too many wait", "Olla stops"]);
    expect(lost.reduce((sum, { spans }) => sum + spans, 0)).toBe(80);
    expect(receiver.deliveries.length).toBe(1);
  });

  test("is well gets everything at the stop", async () => {
    await using traced = await startTraced(undefined, { env: { OTEL_BSP_SCHEDULE_DELAY: "60000" } });
    for (let request = 0; request < 3; request += 1) await (await ask(traced.olla)).text();
    expect(traced.receiver.deliveries).toEqual([]);
    await traced.olla.stop();
    expect(traced.receiver.traces().map(({ attempts }) => attempts.length)).toEqual([1, 1, 1]);
    expect(spansLost(traced.olla)).toEqual([]);
  });

  test("gets no credential and nothing that was said", async () => {
    const canaries = {
      endpointToken: "canary-endpoint-1a2b",
      clientKey: "canary-client-0123456789abcdef",
      otlp: "canary-otlp-3c4d",
      header: "canary-header-5e6f",
      query: "canary-query-7a8b",
      prompt: "canary-prompt-9c0d",
      answer: "canary-answer-1e2f",
    };
    await using traced = await startTraced(answerJson(completionOf(canaries.answer)), {
      endpoint: { auth: { type: "bearer", token: canaries.endpointToken } },
      otlp: { headers: { authorization: canaries.otlp } },
      sections: { auth: { keys: [{ name: "tests", hash: `sha256:${digestOf(canaries.clientKey)}` }] } },
    });
    const headers = { authorization: `Bearer ${canaries.clientKey}`, "x-own": canaries.header };
    const body = { messages: [{ role: "user", content: canaries.prompt }] };
    const path = `/olla/proxy/v1/chat/completions?note=${canaries.query}`;
    expect((await ask(traced.olla, { headers, body, path })).status).toBe(200);
    expect((await ask(traced.olla, { headers: { authorization: canaries.header }, body, path })).status).toBe(
      401,
    );
    const traces = await traced.receiver.waitForTraces(2);
    expect(traces.map(({ request }) => request.attributes["olla.key"])).toEqual(["tests", undefined]);
    const told = JSON.stringify(traced.receiver.spans, (_name, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    expect(Object.entries(canaries).filter(([, canary]) => told.includes(canary))).toEqual([]);
    expect(traced.olla.output()).not.toContain(canaries.otlp);
    expect(traced.receiver.deliveries[0]?.headers.get("authorization")).toBe(canaries.otlp);
  });
});
