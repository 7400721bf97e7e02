// The strategies besides strict, and the model filter, through the whole app.
import { expect, test } from "bun:test";
import { endpointOf } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, hangBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const path = "/olla/proxy/v1/chat/completions";

function ask(olla: RunningOlla, model: string): Promise<Response> {
  return fetch(`${olla.url}${path}`, { method: "POST", body: JSON.stringify({ model }) });
}

async function toldOf(answer: Response): Promise<string> {
  await answer.text();
  const names = ["strategy", "decision", "reason"];
  return [answer.status, ...names.map((name) => answer.headers.get(`x-olla-routing-${name}`))].join(" ");
}

function strategy(type: string, options: Readonly<Record<string, unknown>> = {}) {
  return { sections: { model_registry: { routing_strategy: { type, options } } } };
}

function listOf(...models: string[]) {
  return answerJson({ object: "list", data: models.map((id) => ({ id, object: "model" })) });
}

test("optimistic sends an unknown model anywhere when it may, and nowhere by default", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["tiny"] });
  const endpoints = [endpointOf(upstream, "one")];
  await using daring = await startOlla({
    endpoints,
    ...strategy("optimistic", { fallback_behavior: "all" }),
  });
  expect(await toldOf(await ask(daring, "new"))).toBe("200 optimistic fallback model_not_found_fallback");
  expect((await upstream.exchange()).text).toBe('{"model":"new"}');
  await using careful = await startOlla({ endpoints, ...strategy("optimistic") });
  expect(await toldOf(await ask(careful, "new"))).toBe("404 optimistic rejected model_not_found");
});

test("discovery asks the endpoints for a model that nobody is known to have, once for all who want it", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["tiny"] });
  await using olla = await startOlla({
    endpoints: [endpointOf(upstream, "one", { check_interval: "60s" })],
    ...strategy("discovery", { discovery_refresh_on_miss: true }),
  });
  expect(await toldOf(await ask(olla, "tiny"))).toBe("200 discovery routed model_found_no_refresh");
  upstream.list = listOf("tiny", "new");
  const listsBefore = listsRead(upstream);
  const answers = await Promise.all([ask(olla, "new"), ask(olla, "new"), ask(olla, "NEW")]);
  expect(await Promise.all(answers.map(toldOf))).toEqual(Array(3).fill("200 discovery routed model_found"));
  expect(listsRead(upstream)).toBe(listsBefore + 1);
  // The run is not 5 s old, so nobody is asked again.
  const missing = await ask(olla, "nowhere");
  expect(await toldOf(missing)).toBe("503 discovery rejected model_unavailable_after_discovery");
  expect(listsRead(upstream)).toBe(listsBefore + 1);
});

function listsRead({ probes }: FakeUpstream): number {
  return probes.filter(({ target }) => target === "/v1/models").length;
}

test("discovery waits no longer than it may, then does what it may", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["tiny"] });
  const endpoints = [endpointOf(upstream, "one", { check_interval: "60s" })];
  const options = { discovery_refresh_on_miss: true, discovery_timeout: "100ms" };
  await using careful = await startOlla({ endpoints, ...strategy("discovery", options) });
  await using daring = await startOlla({
    endpoints,
    ...strategy("discovery", { ...options, fallback_behavior: "all" }),
  });
  upstream.list = hangBeforeHead;
  const askedAt = performance.now();
  expect(await toldOf(await ask(careful, "new"))).toBe(
    "503 discovery rejected discovery_failed_compatible_only",
  );
  expect(await toldOf(await ask(daring, "new"))).toBe("200 discovery fallback discovery_failed_all_fallback");
  expect(performance.now() - askedAt).toBeLessThan(2000);
});

test("a client that leaves while discovery asks is not waited for", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["tiny"] });
  await using olla = await startOlla({
    endpoints: [endpointOf(upstream, "one", { check_interval: "60s" })],
    ...strategy("discovery", { discovery_refresh_on_miss: true, discovery_timeout: "30s" }),
  });
  upstream.list = hangBeforeHead;
  const before = listsRead(upstream);
  const client = await RawClient.connect(olla.port);
  client.request(`POST ${path} HTTP/1.1`, [], '{"model":"new"}');
  await waitUntil(() => listsRead(upstream) > before, { what: "the endpoint is asked" });
  client.close();
  const record = await waitUntil(() => olla.accessLog().find(({ status }) => status === 499), {
    what: "the request is over",
  });
  expect(record.error_code).toBe("client_abort");
});

test("discovery without a refresh: 404 for a model that nobody has", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["tiny"] });
  await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")], ...strategy("discovery") });
  expect(await toldOf(await ask(olla, "new"))).toBe("404 discovery rejected model_not_found");
});

test("what a model filter leaves out is neither listed nor sent there, whoever sends it", async () => {
  await using filtered = new FakeUpstream({ kind: "vllm", models: ["tiny", "secret-1"] });
  await using open = new FakeUpstream({ kind: "vllm", models: ["tiny"] });
  const endpoints = [
    endpointOf(filtered, "filtered", {
      priority: 200,
      model_filter: { include: ["*"], exclude: ["secret*"] },
    }),
    endpointOf(open, "open", { priority: 1 }),
  ];
  const sections = {
    model_registry: { routing_strategy: { type: "optimistic", options: { fallback_behavior: "all" } } },
    model_aliases: { hidden: ["secret-1"], bound: [{ model: "secret-1", endpoint: "filtered" }] },
  };
  await using olla = await startOlla({ endpoints, sections });
  const list = (await (await fetch(`${olla.url}/olla/proxy/v1/models`)).json()) as { data: { id: string }[] };
  expect(list.data.map(({ id }) => id)).not.toContain("secret-1");
  const answer = await ask(olla, "secret-1");
  expect(answer.headers.get("x-olla-endpoint")).toBe("open");
  expect((await ask(olla, "hidden")).headers.get("x-olla-endpoint")).toBe("open");
  expect((await ask(olla, "bound")).status).toBe(404);
  expect((await ask(olla, "tiny")).headers.get("x-olla-endpoint")).toBe("filtered");

  await using blind = await startOlla({
    endpoints,
    modelDiscovery: { enabled: false },
    sections: { model_aliases: sections.model_aliases },
    readiness: "all-probed",
  });
  expect((await ask(blind, "secret-2")).headers.get("x-olla-endpoint")).toBe("open");
  expect((await ask(blind, "bound")).status).toBe(404);
  expect(filtered.requests.every(({ text }) => !text.includes("secret"))).toBe(true);
});
