import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

const refusal = answerJson({ error: { message: "overloaded" } }, 503);

function ask(olla: RunningOlla, body: string | Record<string, unknown>, route = "proxy"): Promise<Response> {
  return fetch(`${olla.url}/olla/${route}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

const fleetOf = (ollama: FakeUpstream, vllm: FakeUpstream) => [
  { name: "desk", url: ollama.url, type: "ollama", priority: 200 },
  { name: "rack", url: vllm.url, type: "vllm", priority: 100 },
];

describe("an alias through the whole app", () => {
  test("each endpoint of a pool is asked for its own name, also the second when the first refuses", async () => {
    await using ollama = new FakeUpstream({ kind: "ollama", models: ["llama3:8b"] });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["meta-llama/Llama-3.1-8B"] });
    await using olla = await startOlla({
      endpoints: fleetOf(ollama, vllm),
      sections: { model_aliases: { Llama: ["meta-llama/llama-3.1-8b", "llama3:8b"] } },
    });
    ollama.behave = refusal;
    const body =
      '{ "messages":[{"role":"user","content":"model: \\"llama\\""}],\n "model" : "lla\\u006da" ,"n":1 }';
    const answer = await ask(olla, body);
    expect(answer.status).toBe(200);
    const written = (name: string) => body.replace('"lla\\u006da"', `"${name}"`);
    expect(ollama.requests.map(({ text }) => text)).toEqual([written("llama3:8b")]);
    expect(vllm.requests.map(({ text }) => text)).toEqual([written("meta-llama/Llama-3.1-8B")]);
    const length = (await vllm.exchange()).header("content-length");
    expect(length).toBe(String(written("meta-llama/Llama-3.1-8B").length));
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "x-olla-endpoint": "rack",
      "x-olla-model": "meta-llama/Llama-3.1-8B",
      "x-olla-routing-strategy": "alias",
      "x-olla-routing-decision": "routed",
      "x-olla-routing-reason": 'alias "Llama" resolved to 2 endpoint(s)',
    });
  });

  test("a chain goes on to its next link, with the params of each, and keeps to an endpoint that it names", async () => {
    await using ollama = new FakeUpstream({ kind: "ollama", models: ["small", "big"] });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["big"], behave: refusal });
    const code = [
      { model: "big", endpoint: "rack", params: { temperature: 0.2, stop: ["\n"] } },
      { model: "small", params: { temperature: 0.7 } },
    ];
    await using olla = await startOlla({
      endpoints: fleetOf(ollama, vllm),
      sections: { model_aliases: { code } },
    });
    const answer = await ask(olla, { model: "CODE", messages: [], stop: null });
    expect(answer.headers.get("x-olla-model")).toBe("small");
    expect(vllm.requests.map(({ text }) => JSON.parse(text))).toEqual([
      { temperature: 0.2, model: "big", messages: [], stop: null },
    ]);
    expect(ollama.requests.map(({ text }) => JSON.parse(text))).toEqual([
      { temperature: 0.7, model: "small", messages: [], stop: null },
    ]);
  });

  test("weights share the traffic", async () => {
    await using ollama = new FakeUpstream({ kind: "ollama", models: ["old"] });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["new"] });
    const items = [
      { model: "old", weight: 0.5 },
      { model: "new", weight: 0.5 },
    ];
    await using olla = await startOlla({
      endpoints: fleetOf(ollama, vllm),
      sections: { model_aliases: { trial: items } },
    });
    for (let request = 0; request < 60; request++) await (await ask(olla, { model: "trial" })).arrayBuffer();
    // Short of these in one of 100 million runs.
    expect(ollama.requests.length).toBeGreaterThan(5);
    expect(vllm.requests.length).toBeGreaterThan(5);
  });

  test("what a client finds in a list it can ask for, on the route of that list", async () => {
    await using ollama = new FakeUpstream({ kind: "ollama", models: ["llama3:8b", "tinyllama"] });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["qwen"] });
    await using olla = await startOlla({
      endpoints: fleetOf(ollama, vllm),
      sections: {
        model_aliases: { small: ["tinyllama"], "llama3:8b": ["qwen", "llama3:8b"], mine: ["qwen"] },
      },
    });
    for (const [route, names] of [
      ["ollama", ["llama3:8b", "small", "tinyllama"]],
      ["vllm", ["llama3:8b", "mine", "qwen"]],
      ["proxy", ["llama3:8b", "mine", "qwen", "small", "tinyllama"]],
    ] as const) {
      const list = (await (await fetch(`${olla.url}/olla/${route}/v1/models`)).json()) as {
        data: { id: string }[];
      };
      expect(list.data.map(({ id }) => id)).toEqual([...names]);
      for (const { id } of list.data) {
        const answer = await ask(olla, { model: id }, route);
        expect([route, id, answer.status]).toEqual([route, id, 200]);
      }
    }
  });

  test("an alias whose models nobody has is an unknown model, and the error names them", async () => {
    await using ollama = new FakeUpstream({ kind: "ollama", models: ["llama3:8b"] });
    await using olla = await startOlla({
      endpoints: [{ name: "desk", url: ollama.url, type: "ollama" }],
      sections: { model_aliases: { ghost: ["nobody", "has"], spare: ["llama3:8b"] } },
    });
    const answer = await ask(olla, { model: "ghost" });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("nobody");
    expect(ollama.requests).toEqual([]);
    expect(await (await ask(olla, { model: "spar" })).text()).toContain("spare");
  });
});
