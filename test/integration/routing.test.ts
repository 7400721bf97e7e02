// Which endpoint gets a request, seen from outside, with health and discovery really running.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, hangBeforeHead, resetBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const quick = { check_interval: "1s", check_timeout: "500ms" } as const;

function ask(olla: RunningOlla, model: string, prefix = "proxy"): Promise<Response> {
  return fetch(`${olla.url}/olla/${prefix}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model }),
  });
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { error: { code: string } }).error.code;
}

async function servedBy(answer: Response): Promise<string | null> {
  expect(answer.status).toBe(200);
  return answer.headers.get("x-olla-endpoint");
}

describe("a request", () => {
  test("goes to the endpoint that has its model, whatever the priorities", async () => {
    await using small = new FakeUpstream({ kind: "vllm", models: ["small"] });
    await using large = new FakeUpstream({ kind: "ollama", models: ["large:70b"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "small", url: small.url, type: "vllm", priority: 300 },
        { name: "large", url: large.url, type: "ollama", priority: 1 },
      ],
    });
    expect(await servedBy(await ask(olla, "small"))).toBe("small");
    expect(await servedBy(await ask(olla, "LARGE:70B"))).toBe("large");
    const rejected = await ask(olla, "medium");
    expect(rejected.status).toBe(404);
    expect(rejected.headers.get("x-olla-routing-strategy")).toBe("strict");
  });

  test("on a provider's route stays with that kind; other kinds are 404 when absent, 503 when down", async () => {
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["shared", "elsewhere"] });
    await using ollama = new FakeUpstream({ kind: "ollama", models: ["shared"] });
    await using studio = new FakeUpstream({
      kind: "lm-studio",
      models: ["shared"],
      list: answerJson({}, 500),
      health: answerJson({}, 500),
    });
    await using olla = await startOlla({
      readiness: "all-probed",
      endpoints: [
        { name: "vllm", url: vllm.url, type: "vllm", priority: 300 },
        { name: "ollama", url: ollama.url, type: "ollama" },
        { name: "studio", url: studio.url, type: "lm-studio" },
      ],
    });
    await waitUntil(async () => (await ask(olla, "shared", "ollama")).status === 200, {
      what: "ollama is routable",
    });
    await waitUntil(async () => (await ask(olla, "elsewhere", "vllm")).status === 200, {
      what: "vllm is routable",
    });
    expect(await servedBy(await ask(olla, "shared", "ollama"))).toBe("ollama");
    expect(await servedBy(await ask(olla, "shared", "vllm"))).toBe("vllm");
    expect((await ask(olla, "elsewhere", "ollama")).status).toBe(404);
    const down = await ask(olla, "shared", "lmstudio");
    expect(down.status).toBe(503);
    expect(await codeOf(down)).toBe("no_healthy_endpoints");
    const absent = await ask(olla, "shared", "openai-compatible");
    expect([200, 404]).toContain(absent.status);
  });

  test("for a kind that nothing is configured for is a 404 that says so", async () => {
    await using vllm = new FakeUpstream({ kind: "vllm" });
    await using olla = await startOlla({ endpoints: [{ name: "vllm", url: vllm.url, type: "vllm" }] });
    const answer = await ask(olla, "tiny", "lmstudio");
    expect(answer.status).toBe(404);
    expect(await codeOf(answer)).toBe("provider_not_configured");
    const native = await fetch(`${olla.url}/olla/ollama/api/chat`, {
      method: "POST",
      body: '{"model":"tiny"}',
    });
    expect(native.status).toBe(404);
    expect(typeof ((await native.json()) as { error: unknown }).error).toBe("string");
  });

  test("for a model whose only endpoint is down is a 503, not a 404, and is answered at once", async () => {
    await using steady = new FakeUpstream({ kind: "vllm", models: ["steady"] });
    await using failing = new FakeUpstream({ kind: "vllm", models: ["rare"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "steady", url: steady.url, type: "vllm", ...quick },
        { name: "failing", url: failing.url, type: "vllm", ...quick },
      ],
    });
    expect(await servedBy(await ask(olla, "rare"))).toBe("failing");
    failing.health = resetBeforeHead;
    const answer = await waitUntil(
      async () => {
        const next = await ask(olla, "rare");
        return next.status === 200 ? undefined : next;
      },
      { what: "the endpoint is out of routing" },
    );
    expect(answer.status).toBe(503);
    const askedAt = performance.now();
    expect((await ask(olla, "rare")).status).toBe(503);
    expect(performance.now() - askedAt).toBeLessThan(500);
    failing.health = answerJson({});
    await waitUntil(async () => (await ask(olla, "rare")).status === 200, {
      what: "the endpoint is used again after a good probe",
      deadlineMs: 10_000,
    });
  });

  test("with discovery off goes to any healthy endpoint, whatever the model", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm", list: hangBeforeHead });
    await using olla = await startOlla({
      endpoints: [{ name: "one", url: upstream.url, type: "vllm" }],
      modelDiscovery: { enabled: false },
    });
    expect(await servedBy(await ask(olla, "anything"))).toBe("one");
    expect(upstream.probes.every(({ target }) => target !== "/v1/models")).toBe(true);
  });
});

describe("an endpoint", () => {
  test("that is down at the start serves soon after it came up, without a restart", async () => {
    await using late = new FakeUpstream({ kind: "vllm", models: ["late"], health: resetBeforeHead });
    await using olla = await startOlla({
      endpoints: [{ name: "late", url: late.url, type: "vllm", ...quick }],
      readiness: "all-probed",
    });
    const early = await ask(olla, "late");
    expect(early.status).toBe(503);
    late.health = answerJson({});
    await waitUntil(async () => (await ask(olla, "late")).status === 200, {
      what: "the endpoint is probed, discovered and used",
      deadlineMs: 10_000,
    });
  });

  test("of unknown kind is recognised by its model list", async () => {
    await using upstream = new FakeUpstream({ kind: "ollama", models: ["tiny:latest"] });
    await using olla = await startOlla({ endpoints: [{ name: "found", url: upstream.url, type: "auto" }] });
    await waitUntil(
      async () => {
        const answer = await fetch(`${olla.url}/internal/status/models`);
        return (await answer.text()).includes("tiny:latest");
      },
      { what: "the model is known" },
    );
    expect(await servedBy(await ask(olla, "tiny:latest"))).toBe("found");
  });

  test("that thinks for long does not hold up anybody's probe", async () => {
    await using thinking = new FakeUpstream({ kind: "vllm", models: ["slow"], behave: hangBeforeHead });
    await using olla = await startOlla({
      endpoints: [{ name: "thinking", url: thinking.url, type: "vllm", ...quick }],
    });
    const controller = new AbortController();
    const pending = fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      body: '{"model":"slow"}',
      signal: controller.signal,
    }).catch(() => undefined);
    await thinking.exchange();
    const probesBefore = thinking.probes.length;
    await waitUntil(() => thinking.probes.length > probesBefore, { what: "another probe arrives" });
    controller.abort();
    await within(pending, 1_000, "the request is given up");
  });
});
