// One catalog over several kinds of backends, as a client sees it.
import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

interface UnifiedEntry {
  readonly id: string;
  readonly olla: {
    readonly aliases: readonly string[];
    readonly availability: readonly { readonly endpoint: string }[];
    readonly estimated_context_length?: number;
  };
}

async function readModels(olla: RunningOlla): Promise<readonly UnifiedEntry[]> {
  const answer = await fetch(`${olla.url}/olla/models`);
  return ((await answer.json()) as { data: UnifiedEntry[] }).data;
}

async function chat(olla: RunningOlla, model: string, prefix = "proxy") {
  const answer = await fetch(`${olla.url}/olla/${prefix}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
  });
  await answer.arrayBuffer();
  return { status: answer.status, endpoint: answer.headers.get("x-olla-endpoint") };
}

/** One model at three kinds of backends, spelled as each of them does. */
async function startThree(use: (olla: RunningOlla) => Promise<void>, registry: object = {}): Promise<void> {
  await using ollama = new FakeUpstream({ kind: "ollama", models: ["llama3:8b"] });
  await using vllm = new FakeUpstream({ kind: "vllm", models: ["Llama3:8B"] });
  await using studio = new FakeUpstream({ kind: "lm-studio", models: ["llama3:8b"] });
  await using olla = await startOlla({
    endpoints: [
      { name: "box", url: ollama.url, type: "ollama", priority: 10 },
      { name: "rack", url: vllm.url, type: "vllm", priority: 30 },
      { name: "desk", url: studio.url, type: "lm-studio", priority: 20 },
    ],
    sections: { model_registry: registry },
  });
  await use(olla);
}

test("a model that three kinds of backends have is one entry with three places", async () => {
  await startThree(async (olla) => {
    const models = await readModels(olla);
    expect(models.map(({ id }) => id)).toEqual(["llama3:8b"]);
    expect(models[0]?.olla.aliases).toEqual(["llama3:8b", "Llama3:8B"]);
    expect(models[0]?.olla.availability.map(({ endpoint }) => endpoint)).toEqual(["box", "desk", "rack"]);
    expect(await chat(olla, "LLAMA3:8b")).toEqual({ status: 200, endpoint: "rack" });
    for (const [prefix, endpoint] of [
      ["ollama", "box"],
      ["lmstudio", "desk"],
      ["vllm", "rack"],
    ] as const) {
      expect(await chat(olla, "llama3:8b", prefix)).toEqual({ status: 200, endpoint });
    }
  });
});

test("without the unifier every endpoint's model is an entry of its own, and names lead to the same places", async () => {
  await startThree(
    async (olla) => {
      const models = await readModels(olla);
      expect(models.map(({ id }) => id)).toEqual(["Llama3:8B@rack", "llama3:8b@box", "llama3:8b@desk"]);
      for (const { id, olla: entry } of models) {
        expect(entry.availability).toHaveLength(1);
        const detail = await fetch(`${olla.url}/olla/models/${encodeURIComponent(id)}`);
        expect(await detail.json()).toMatchObject({ id, endpoints: [entry.availability[0]?.endpoint] });
      }
      const list = await (await fetch(`${olla.url}/olla/openai/v1/models`)).json();
      expect(list).toMatchObject({ data: [{ object: "model" }] });
      expect((list as { data: unknown[] }).data).toHaveLength(1);
      expect(await chat(olla, "llama3:8b")).toEqual({ status: 200, endpoint: "rack" });
      expect(await chat(olla, "llama3:8b", "ollama")).toEqual({ status: 200, endpoint: "box" });
    },
    { enable_unifier: false },
  );
});

test("a bare name and its latest tag are one model where they are told to be, at every endpoint under its own name", async () => {
  await using ollama = new FakeUpstream({ kind: "ollama", models: ["tiny:latest"] });
  await using server = new FakeUpstream({ models: ["tiny"] });
  const settings = (isOne: boolean): OllaSettings => ({
    endpoints: [
      { name: "box", url: ollama.url, type: "ollama" },
      { name: "cpp", url: server.url, type: "openai", priority: 200 },
    ],
    sections: { model_registry: { unification: { untagged_is_latest: isOne } } },
  });
  {
    await using apart = await startOlla(settings(false));
    expect((await readModels(apart)).map(({ id }) => id)).toEqual(["tiny", "tiny:latest"]);
    expect(await chat(apart, "tiny:latest")).toEqual({ status: 200, endpoint: "box" });
    expect(await chat(apart, "tiny")).toEqual({ status: 200, endpoint: "cpp" });
  }
  await using one = await startOlla(settings(true));
  const [model, ...others] = await readModels(one);
  expect(others).toEqual([]);
  expect(model?.olla.aliases).toEqual(["tiny:latest", "tiny"]);
  expect(model?.olla.availability).toHaveLength(2);
  const before = server.requests.length;
  expect(await chat(one, "tiny:latest")).toEqual({ status: 200, endpoint: "cpp" });
  const sent = await server.exchange(before);
  expect(JSON.parse(sent.text)).toMatchObject({ model: "tiny" });
});

test("what is said of a model is found by every name that a request may use", async () => {
  await using server = new FakeUpstream({ models: ["tiny"] });
  for (const isOne of [false, true]) {
    await using olla = await startOlla({
      endpoints: [{ name: "cpp", url: server.url, type: "openai" }],
      sections: { model_registry: { unification: { untagged_is_latest: isOne } } },
    });
    for (const name of ["tiny", "TINY", "tiny:latest", "tiny:1b"]) {
      const { status } = await fetch(`${olla.url}/olla/models/${name}`);
      expect([name, status]).toEqual([name, (await chat(olla, name)).status]);
    }
  }
});

const quick = { interval: "100ms", removal_grace: "1s" };

test("a list that turns empty for a moment loses no request, and one that stays empty loses its models", async () => {
  await using upstream = new FakeUpstream({ kind: "ollama", models: ["tiny"] });
  const full = upstream.list;
  await using olla = await startOlla({
    endpoints: [{ name: "box", url: upstream.url, type: "ollama" }],
    modelDiscovery: quick,
  });
  upstream.list = answerJson({ models: [] });
  await waitUntil(() => olla.output().includes("of them no longer listed"));
  expect((await chat(olla, "tiny")).status).toBe(200);
  expect(await readModels(olla)).toHaveLength(1);
  upstream.list = full;
  const asked = upstream.probes.length;
  await waitUntil(() => upstream.probes.length > asked + 15);
  expect((await chat(olla, "tiny")).status).toBe(200);

  upstream.list = answerJson({ models: [] });
  await waitUntil(async () => (await chat(olla, "tiny")).status === 404);
  expect(await readModels(olla)).toEqual([]);
});

test("an endpoint that refuses a model ends its grace", async () => {
  await using upstream = new FakeUpstream({ kind: "ollama", models: ["tiny"] });
  await using olla = await startOlla({
    endpoints: [{ name: "box", url: upstream.url, type: "ollama" }],
    modelDiscovery: { interval: "100ms", removal_grace: "10m" },
  });
  upstream.list = answerJson({ models: [] });
  await waitUntil(() => olla.output().includes("of them no longer listed"));
  upstream.behave = answerJson({ error: "model 'tiny' not found" }, 404);
  expect((await chat(olla, "tiny")).status).toBe(404);
  await waitUntil(async () => (await readModels(olla)).length === 0);
  expect(olla.output()).toContain("Endpoint box no longer has tiny");
});

test("a backend that comes back as another kind is taken for what it is", async () => {
  await using upstream = new FakeUpstream({ list: answerJson({ data: [{ id: "a", owned_by: "vllm" }] }) });
  await using olla = await startOlla({
    endpoints: [{ name: "box", url: upstream.url, type: "auto", check_interval: "1s" }],
  });
  const typeOf = async () => {
    const status = await (await fetch(`${olla.url}/internal/status/endpoints`)).json();
    return (status as { endpoints: { type: string; status: string }[] }).endpoints[0];
  };
  expect(await typeOf()).toMatchObject({ type: "vllm" });
  // vLLM's health path is no list; this server has nothing there.
  upstream.behave = answerJson({}, 503);
  await waitUntil(async () => (await typeOf())?.status !== "healthy");
  upstream.list = answerJson({ data: [{ id: "b", owned_by: "llamacpp" }] });
  upstream.behave = answerJson({});
  await waitUntil(async () => (await typeOf())?.type === "llamacpp", { deadlineMs: 15_000 });
  expect((await chat(olla, "b")).status).toBe(200);
  expect(olla.output()).toContain("Endpoint box is llama.cpp now; it was vLLM");
}, 20_000);

test("a context that only the name tells is an estimate in /olla/models and in no other list", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: ["meta-llama/Llama-3.1-8B"] });
  await using olla = await startOlla({ endpoints: [{ name: "rack", url: upstream.url, type: "vllm" }] });
  expect((await readModels(olla))[0]?.olla.estimated_context_length).toBe(131_072);
  for (const format of ["vllm", "openai", "sglang"]) {
    const list = await (await fetch(`${olla.url}/olla/models?format=${format}`)).text();
    expect(list).toContain("Llama-3.1-8B");
    expect(list).not.toContain("131072");
  }
});
