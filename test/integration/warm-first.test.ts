// Machines that hold one model at a time, and what it costs to ask them in the wrong order.
import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, completionOf } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

/** An Ollama with room for one model: another one has to wait until the requests for the first are done. */
class OneModelMachine implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  /** Models in the order of their loading. */
  readonly loads: string[] = [];
  #current: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(models: readonly string[]) {
    this.upstream = new FakeUpstream({
      kind: "ollama",
      models,
      loaded: (exchange) =>
        exchange.respondJson({ models: this.#current === undefined ? [] : [{ name: this.#current }] }),
      behave: async (exchange) => {
        const { model } = JSON.parse(new TextDecoder().decode(exchange.body)) as { model: string };
        this.#turn = this.#turn.then(() => this.#load(model));
        await this.#turn;
        await exchange.respondJson(completionOf("hi", model));
      },
    });
  }

  /** As `ollama stop` does, or the time after which it unloads. */
  unload(): void {
    this.#current = undefined;
  }

  #load(model: string): void {
    // Ollama knows a model under one name, whatever it was asked for.
    const name = model.includes(":") ? model : `${model}:latest`;
    if (name === this.#current) return;
    this.#current = name;
    this.loads.push(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.upstream[Symbol.asyncDispose]();
  }
}

async function chat(olla: RunningOlla, model: string): Promise<string | null> {
  const answer = await fetch(`${olla.url}/olla/openai/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
  });
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
  return answer.headers.get("x-olla-endpoint");
}

interface StatusBody {
  readonly endpoints: readonly { readonly name: string; readonly loaded_models?: readonly string[] }[];
}

async function loadedModels(
  olla: RunningOlla,
): Promise<Readonly<Record<string, readonly string[] | undefined>>> {
  const body = (await (await fetch(`${olla.url}/internal/status/endpoints`)).json()) as StatusBody;
  return Object.fromEntries(body.endpoints.map(({ name, loaded_models }) => [name, loaded_models]));
}

async function untilAsked(olla: RunningOlla, names: readonly string[]): Promise<void> {
  await waitUntil(
    async () => {
      const known = await loadedModels(olla);
      return names.every((name) => known[name] !== undefined) || undefined;
    },
    { what: "every machine has said what it has loaded" },
  );
}

function endpointsOf(machines: Readonly<Record<string, OneModelMachine>>) {
  return Object.entries(machines).map(([name, { upstream }]) => ({
    name,
    url: upstream.url,
    type: "ollama",
  }));
}

const both = ["model-a:latest", "model-b:latest"];

/**
 * 200 requests for two models, several at a time. Two for each model in turn, so that taking turns among two machines
 * does not fit by luck. @returns how often a machine had to load one
 */
async function countLoads(proxy: Readonly<Record<string, unknown>>): Promise<number> {
  await using one = new OneModelMachine(both);
  await using two = new OneModelMachine(both);
  await using olla = await startOlla({ endpoints: endpointsOf({ one, two }), proxy });
  if (proxy.prefer_loaded !== false) await untilAsked(olla, ["one", "two"]);
  await sendMany(olla);
  expect(one.upstream.requests.length + two.upstream.requests.length).toBe(200);
  return one.loads.length + two.loads.length;
}

async function sendMany(olla: RunningOlla): Promise<void> {
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < 200) {
      const model = sent % 4 < 2 ? "Model-A" : "model-b:latest";
      sent += 1;
      await chat(olla, model);
    }
  };
  await Promise.all(Array.from({ length: 7 }, client));
}

test.each(["round-robin", "least-connections", "priority"])(
  "two models on two machines with room for one: each is loaded once, with %s",
  async (load_balancer) => {
    expect(await countLoads({ load_balancer })).toBe(2);
  },
);

test.each(["round-robin", "least-connections", "priority"])(
  "where each machine takes one request at a time, requests wait for the one that has their model, with %s",
  async (load_balancer) => {
    await using one = new OneModelMachine(both);
    await using two = new OneModelMachine(both);
    const endpoints = endpointsOf({ one, two }).map((box) => ({ ...box, max_concurrent: 1 }));
    await using olla = await startOlla({ endpoints, proxy: { load_balancer } });
    await untilAsked(olla, ["one", "two"]);
    const first = await chat(olla, "model-a");
    expect(await chat(olla, "model-b")).not.toBe(first);
    await sendMany(olla);
    expect(one.loads.length + two.loads.length).toBe(2);
  },
);

test("without prefer_loaded the same machines do nothing but load", async () => {
  expect(await countLoads({ load_balancer: "round-robin", prefer_loaded: false })).toBeGreaterThan(40);
});

test("200 requests at once for two models change nothing: a machine in use keeps its model", async () => {
  await using one = new OneModelMachine(both);
  await using two = new OneModelMachine(both);
  await using olla = await startOlla({
    endpoints: endpointsOf({ one, two }),
    proxy: { load_balancer: "round-robin" },
  });
  await untilAsked(olla, ["one", "two"]);
  await Promise.all(Array.from({ length: 200 }, (_, index) => chat(olla, both[index % 2] ?? "")));
  expect(one.loads.length + two.loads.length).toBe(2);
});

test("a warm machine with as many requests as Ollama handles well shares with one that has nothing loaded", async () => {
  const gate = Promise.withResolvers<void>();
  const answer: Behaviour = async (exchange) => {
    await gate.promise;
    await exchange.respondJson(completionOf("hi"));
  };
  await using warm = new FakeUpstream({
    kind: "ollama",
    behave: answer,
    loaded: answerJson({ models: [{ name: "tiny" }] }),
  });
  await using cold = new FakeUpstream({ kind: "ollama", behave: answer, loaded: answerJson({ models: [] }) });
  await using olla = await startOlla({
    endpoints: [
      { name: "cold", url: cold.url, type: "ollama" },
      { name: "warm", url: warm.url, type: "ollama" },
    ],
    proxy: { load_balancer: "round-robin" },
  });
  await untilAsked(olla, ["warm", "cold"]);
  const first = Array.from({ length: 10 }, () => chat(olla, "tiny"));
  await waitUntil(() => warm.requests.length === 10 || undefined, { what: "the warm one has its ten" });
  expect(cold.requests).toHaveLength(0);
  const further = Array.from({ length: 4 }, () => chat(olla, "tiny"));
  await waitUntil(() => cold.requests.length > 0 || undefined, { what: "the cold one helps" });
  gate.resolve();
  await Promise.all([...first, ...further]);
});

test("what a machine has loaded is shown to operators, and nothing is asked or shown when it is off", async () => {
  await using one = new OneModelMachine(both);
  await using gpu = new FakeUpstream({ kind: "openai-compatible", models: ["big"] });
  const endpoints = [...endpointsOf({ one }), { name: "gpu", url: gpu.url, type: "openai" }];
  {
    await using olla = await startOlla({ endpoints });
    await untilAsked(olla, ["one"]);
    expect(await loadedModels(olla)).toEqual({ one: [], gpu: undefined });
    await chat(olla, "model-a");
    // The answer was for a model that was not there before: it is looked at again without waiting for the interval.
    await waitUntil(async () => (await loadedModels(olla)).one?.[0], {
      what: "the loaded model is known",
    });
    expect(await loadedModels(olla)).toMatchObject({ one: ["model-a:latest"] });
    expect(gpu.loadedAsks).toHaveLength(1);
    expect(gpu.requests).toHaveLength(0);
  }
  const askedBefore = one.upstream.loadedAsks.length;
  await using olla = await startOlla({ endpoints, proxy: { prefer_loaded: false } });
  await chat(olla, "model-b");
  expect(one.upstream.loadedAsks).toHaveLength(askedBefore);
  expect(await loadedModels(olla)).toEqual({ one: undefined, gpu: undefined });
});

test("what makes a mess of its list of loaded models is served all the same", async () => {
  await using junk = new FakeUpstream({ kind: "ollama", loaded: answerJson(["no", "list"]) });
  await using silent = new FakeUpstream({ kind: "ollama", loaded: () => {} });
  await using olla = await startOlla({
    endpoints: [
      { name: "junk", url: junk.url, type: "ollama" },
      { name: "silent", url: silent.url, type: "ollama" },
    ],
    proxy: { load_balancer: "round-robin" },
  });
  const served = new Set([await chat(olla, "tiny"), await chat(olla, "tiny")]);
  expect(served).toEqual(new Set(["junk", "silent"]));
});

test("a model that was loaded behind Olla's back is found within an interval of its coming back", async () => {
  await using one = new OneModelMachine(both);
  await using two = new OneModelMachine(both);
  await fetch(`${two.upstream.url}/api/chat`, { method: "POST", body: '{"model":"model-a"}' });
  await using olla = await startOlla({
    endpoints: endpointsOf({ one, two }),
    proxy: { load_balancer: "round-robin" },
  });
  await untilAsked(olla, ["one", "two"]);
  const served = await Promise.all(Array.from({ length: 4 }, () => chat(olla, "model-a")));
  expect(new Set(served)).toEqual(new Set(["two"]));
});
