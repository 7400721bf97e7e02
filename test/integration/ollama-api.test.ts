// Ollama's API in front of several endpoints, as the programs that speak it call it.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, hangBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

interface OllamaParts {
  readonly loaded?: unknown;
  readonly version?: string;
  readonly other?: Behaviour;
}

/** What an Ollama answers besides its list; hand-made, with the members that 0.32.15 has. */
function behaveAs({ version = "0.32.15", other }: OllamaParts): Behaviour {
  return (exchange) => {
    if (exchange.target === "/api/version") return exchange.respondJson({ version });
    if (other !== undefined) return other(exchange);
    return exchange.respondJson({ error: "404 page not found" }, 404);
  };
}

function ollamaWith(models: readonly string[], parts: OllamaParts = {}): FakeUpstream {
  const { loaded = { models: [] } } = parts;
  return new FakeUpstream({ kind: "ollama", models, behave: behaveAs(parts), loaded: answerJson(loaded) });
}

function loadedModel(name: string): object {
  return {
    name,
    model: name,
    size: 10,
    expires_at: "2026-11-20T20:56:05Z",
    size_vram: 5,
    future_member: { deep: [1] },
  };
}

const shown = {
  modelfile: "FROM x",
  parameters: "",
  template: "{{ .Prompt }}",
  details: {
    parent_model: "",
    format: "gguf",
    family: "llama",
    families: ["llama"],
    parameter_size: "8B",
    quantization_level: "Q4_0",
  },
  model_info: { "general.architecture": "llama", "general.basename": "Tiny", "llama.context_length": 8192 },
  capabilities: ["completion", "tools"],
  modified_at: "2026-11-20T20:50:12Z",
};

function post(
  olla: RunningOlla,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  method = "POST",
) {
  return fetch(`${olla.url}/olla/${path}`, { method, headers, body: JSON.stringify(body) });
}

async function json(answer: Response | Promise<Response>): Promise<Record<string, unknown>> {
  return (await (await answer).json()) as Record<string, unknown>;
}

describe("what is loaded", () => {
  test("is the union of all Ollama endpoints, each entry as it came and with its endpoint", async () => {
    await using first = ollamaWith(["a"], { loaded: { models: [loadedModel("a")] } });
    await using second = ollamaWith(["a", "b"], { loaded: { models: [loadedModel("a"), loadedModel("b")] } });
    await using broken = ollamaWith(["c"], { loaded: { nothing: true } });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["v"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "first", url: first.url, type: "ollama" },
        { name: "second", url: second.url, type: "ollama" },
        { name: "broken", url: broken.url, type: "ollama" },
        { name: "vllm", url: vllm.url, type: "vllm" },
      ],
    });
    const expected = {
      models: [
        { ...loadedModel("a"), endpoint: "first" },
        { ...loadedModel("a"), endpoint: "second" },
        { ...loadedModel("b"), endpoint: "second" },
      ],
    };
    expect(await json(fetch(`${olla.url}/olla/ollama/api/ps`))).toEqual(expected);
    const everywhere = await json(fetch(`${olla.url}/olla/proxy/api/ps`));
    expect(everywhere).toEqual({
      models: [
        ...expected.models,
        expect.objectContaining({ name: "v", model: "v", size: 0, endpoint: "vllm" }),
      ],
    });
    // Ollama's command line cuts both without looking.
    const [, , , shownByPs] = everywhere.models as Record<string, string>[];
    const { models: listed } = await json(fetch(`${olla.url}/olla/proxy/api/tags`));
    const shownByList = (listed as Record<string, string>[]).find(({ name }) => name === "v");
    expect(shownByList?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(shownByPs?.digest).toBe(shownByList?.digest as string);
    expect(Date.parse(shownByPs?.expires_at ?? "")).toBeGreaterThan(Date.now());
    expect(vllm.requests).toEqual([]);
  });

  test("is had from the others when one endpoint hangs, and many who ask then ask it once", async () => {
    await using quick = ollamaWith(["a"], { loaded: { models: [loadedModel("a")] } });
    await using stuck = new FakeUpstream({ kind: "ollama", models: ["b"], loaded: hangBeforeHead });
    await using olla = await startOlla({
      // Asks for what is loaded by itself, too.
      proxy: { prefer_loaded: false },
      endpoints: [
        { name: "quick", url: quick.url, type: "ollama" },
        { name: "stuck", url: stuck.url, type: "ollama" },
      ],
    });
    const startedAt = performance.now();
    const ask = () => json(fetch(`${olla.url}/olla/ollama/api/ps`));
    const answers = await Promise.all([ask(), ask(), ask()]);
    const firstRoundMs = performance.now() - startedAt;
    answers.push(await ask());
    expect(firstRoundMs).toBeLessThan(2_900);
    expect(performance.now() - startedAt - firstRoundMs).toBeLessThan(500);
    for (const { models } of answers) expect(models).toEqual([{ ...loadedModel("a"), endpoint: "quick" }]);
    expect(stuck.loadedAsks).toHaveLength(1);
  });

  test("without any endpoint that could tell it is nothing, and no error", async () => {
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["v"] });
    await using olla = await startOlla({ endpoints: [{ name: "vllm", url: vllm.url, type: "vllm" }] });
    const answer = await fetch(`${olla.url}/olla/ollama/api/ps`);
    expect(answer.status).toBe(200);
    expect(await json(answer)).toEqual({ models: [] });
  });
});

describe("the version", () => {
  test("is the smallest of the endpoints, and a fixed one where there is no Ollama", async () => {
    await using older = ollamaWith(["a"], { version: "0.9.1" });
    await using newer = ollamaWith(["a"], { version: "0.12.3" });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["v"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "newer", url: newer.url, type: "ollama" },
        { name: "older", url: older.url, type: "ollama" },
        { name: "vllm", url: vllm.url, type: "vllm" },
      ],
    });
    expect(await json(fetch(`${olla.url}/olla/ollama/api/version`))).toEqual({ version: "0.9.1" });
    expect(await json(fetch(`${olla.url}/olla/proxy/api/version`))).toEqual({ version: "0.9.1" });

    await using other = await startOlla({ endpoints: [{ name: "vllm", url: vllm.url, type: "vllm" }] });
    expect(await json(fetch(`${other.url}/olla/proxy/api/version`))).toEqual({ version: "0.32.15" });
  });
});

describe("the front page", () => {
  test("says that Ollama is running, to GET and HEAD, with and without a slash, asking nobody", async () => {
    await using upstream = ollamaWith(["a"]);
    await using olla = await startOlla({ endpoints: [{ name: "home", url: upstream.url, type: "ollama" }] });
    for (const path of ["/olla/ollama", "/olla/ollama/"]) {
      const answer = await fetch(`${olla.url}${path}`, { redirect: "manual" });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toStartWith("text/plain");
      expect(await answer.text()).toBe("Ollama is running");
      const head = await fetch(`${olla.url}${path}`, { method: "HEAD", redirect: "manual" });
      expect(head.status).toBe(200);
      expect(await head.text()).toBe("");
    }
    expect(upstream.requests.filter(({ target }) => target === "/")).toEqual([]);
  });

  test("is an error while no Ollama can be used", async () => {
    await using upstream = ollamaWith(["a"]);
    upstream.health = answerJson({}, 500);
    await using olla = await startOlla({
      readiness: "all-probed",
      endpoints: [{ name: "home", url: upstream.url, type: "ollama" }],
    });
    const answer = await fetch(`${olla.url}/olla/ollama/`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("x-olla-error")).toBe("no_healthy_endpoints");

    await using vllm = new FakeUpstream({ kind: "vllm", models: ["v"] });
    await using other = await startOlla({ endpoints: [{ name: "vllm", url: vllm.url, type: "vllm" }] });
    expect((await fetch(`${other.url}/olla/ollama/`)).status).toBe(404);
  });
});

describe("what is shown of a model", () => {
  test("comes from an endpoint that has it, by either member, and from another when that one fails", async () => {
    let failures = 0;
    await using failing = ollamaWith(["tiny"], {
      other: (exchange) => {
        failures += 1;
        return exchange.respondJson({ error: "busy" }, 503);
      },
    });
    await using upstream = ollamaWith(["tiny"], { other: answerJson(shown) });
    await using elsewhere = ollamaWith(["large"], { other: answerJson(shown) });
    await using olla = await startOlla({
      endpoints: [
        { name: "elsewhere", url: elsewhere.url, type: "ollama", priority: 900 },
        { name: "failing", url: failing.url, type: "ollama", priority: 500 },
        { name: "home", url: upstream.url, type: "ollama" },
      ],
    });
    for (const prefix of ["ollama", "proxy"]) {
      for (const body of [
        { model: "TINY", verbose: true },
        { name: "TINY", verbose: true },
      ]) {
        const answer = await post(olla, `${prefix}/api/show`, body);
        expect(await json(answer)).toEqual(shown);
        expect(answer.headers.get("x-olla-endpoint")).toBe("home");
      }
    }
    expect(failures).toBeGreaterThan(0);
    expect(JSON.parse(upstream.requests.at(-1)?.text ?? "")).toMatchObject({ name: "TINY", verbose: true });
    expect(elsewhere.requests.filter(({ target }) => target === "/api/show")).toEqual([]);
  });

  test("that only other kinds have is told from what they said; nobody's is Ollama's 404", async () => {
    await using ollama = ollamaWith(["tiny"], { other: answerJson(shown) });
    await using studio = new FakeUpstream({ kind: "lm-studio", models: ["qwen/qwen3-8b"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "home", url: ollama.url, type: "ollama" },
        { name: "studio", url: studio.url, type: "lm-studio" },
      ],
    });
    const answer = await post(olla, "proxy/api/show", { model: "Qwen/Qwen3-8B" });
    expect(answer.status).toBe(200);
    expect(await json(answer)).toMatchObject({
      modelfile: "",
      template: "",
      capabilities: ["completion", "tools"],
      model_info: { "general.basename": "Qwen/Qwen3-8B", "qwen.context_length": 4096 },
    });
    for (const [prefix, model] of [
      ["proxy", "nobody-has-this"],
      ["ollama", "qwen/qwen3-8b"],
    ]) {
      const refused = await post(olla, `${prefix}/api/show`, { model });
      expect(refused.status).toBe(404);
      expect((await json(refused)).error).toStartWith(`model "${model}" not found`);
    }
    const nameless = await post(olla, "proxy/api/show", {});
    expect(nameless.status).toBe(400);
    expect((await json(nameless)).error).toBe("model is required");
  });

  test("can be asked for in chunks, and compressed", async () => {
    await using upstream = ollamaWith(["tiny"], { other: answerJson(shown) });
    await using olla = await startOlla({ endpoints: [{ name: "home", url: upstream.url, type: "ollama" }] });
    const text = JSON.stringify({ name: "tiny" });
    const requests: RequestInit[] = [
      { body: new Blob([text]).stream() },
      { body: Bun.gzipSync(text), headers: { "Content-Encoding": "gzip" } },
    ];
    for (const request of requests) {
      const answer = await fetch(`${olla.url}/olla/proxy/api/show`, { method: "POST", ...request });
      expect(await json(answer)).toEqual(shown);
      expect(JSON.parse(upstream.requests.at(-1)?.text ?? "")).toEqual({ name: "tiny", model: "tiny" });
    }
  });

  test("whose client leaves is given up at the endpoint", async () => {
    await using upstream = ollamaWith(["tiny"], { other: hangBeforeHead });
    await using olla = await startOlla({ endpoints: [{ name: "home", url: upstream.url, type: "ollama" }] });
    const leaving = new AbortController();
    const asked = fetch(`${olla.url}/olla/ollama/api/show`, {
      method: "POST",
      body: JSON.stringify({ model: "tiny" }),
      signal: leaving.signal,
    }).catch((error: unknown) => error);
    const exchange = await upstream.exchange();
    leaving.abort();
    await asked;
    await within(exchange.gone, 2_000, "the endpoint's connection closes");
  });

  test("of an alias is that of the model it stands for", async () => {
    await using ollama = ollamaWith(["tiny"], { other: answerJson(shown) });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["big"] });
    await using olla = await startOlla({
      endpoints: [
        { name: "home", url: ollama.url, type: "ollama" },
        { name: "vllm", url: vllm.url, type: "vllm" },
      ],
      sections: { model_aliases: { mine: ["tiny"], ours: ["big"] } },
    });
    for (const body of [{ model: "mine" }, { name: "mine" }]) {
      expect(await json(post(olla, "proxy/api/show", body))).toEqual(shown);
      expect(JSON.parse(ollama.requests.at(-1)?.text ?? "")).toMatchObject({ model: "tiny" });
    }
    const ours = await json(post(olla, "proxy/api/show", { model: "ours" }));
    expect(ours.model_info).toMatchObject({ "general.basename": "ours" });
    expect(vllm.requests).toEqual([]);
  });
});

describe("clients in their own order", () => {
  test.each(["ollama", "proxy"])(
    "VS Code on /olla/%s: version, tags, then show of each model",
    async (prefix) => {
      await using ollama = ollamaWith(["tiny:latest"], { other: answerJson(shown) });
      await using vllm = new FakeUpstream({ kind: "vllm", models: ["big"] });
      await using olla = await startOlla({
        endpoints: [
          { name: "home", url: ollama.url, type: "ollama" },
          { name: "vllm", url: vllm.url, type: "vllm" },
        ],
      });
      const base = `${prefix}/api`;
      const { version } = await json(fetch(`${olla.url}/olla/${base}/version`));
      expect(Bun.semver.satisfies(String(version), ">=0.6.4")).toBe(true);
      const { models } = (await json(fetch(`${olla.url}/olla/${base}/tags`))) as {
        models: { model: string }[];
      };
      const expected = prefix === "proxy" ? ["big", "tiny:latest"] : ["tiny:latest"];
      expect(models.map(({ model }) => model)).toEqual(expected);
      for (const { model } of models) {
        const answer = (await json(post(olla, `${base}/show`, { model }))) as typeof shown;
        expect(answer.capabilities).toContain("tools");
        expect(answer.model_info["general.architecture"]).toBeString();
        expect(answer.model_info["general.basename"]).toBeString();
      }
    },
  );

  test("Open WebUI: version, tags, loaded, show", async () => {
    await using ollama = ollamaWith(["tiny:latest"], {
      loaded: { models: [loadedModel("tiny:latest")] },
      other: answerJson(shown),
    });
    await using olla = await startOlla({ endpoints: [{ name: "home", url: ollama.url, type: "ollama" }] });
    const base = `${olla.url}/olla/ollama/api`;
    expect(await json(fetch(`${base}/version`))).toEqual({ version: "0.32.15" });
    const [listed] = (await json(fetch(`${base}/tags`))).models as { name: string }[];
    const [loaded] = (await json(fetch(`${base}/ps`))).models as { name: string; expires_at: string }[];
    expect(loaded?.name).toBe(listed?.name as string);
    expect(Date.parse(loaded?.expires_at ?? "")).toBeNumber();
    expect(await json(post(olla, "ollama/api/show", { name: listed?.name }))).toEqual(shown);
  });
});

describe("what changes an endpoint", () => {
  const pulled: Behaviour = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "application/x-ndjson" });
    await exchange.chunk('{"status":"pulling manifest"}\n');
    await exchange.chunk('{"status":"success"}\n');
    await exchange.endChunked();
  };

  test("goes to the endpoint that its client names, to no other, and its models are read anew", async () => {
    await using first = ollamaWith(["a"], { other: pulled });
    await using second = ollamaWith(["a"], { other: pulled });
    await using olla = await startOlla({
      proxy: { sticky_sessions: { enabled: true } },
      endpoints: [
        { name: "first", url: first.url, type: "ollama", priority: 900 },
        { name: "second", url: second.url, type: "ollama" },
      ],
    });
    second.list = answerJson({ models: [{ name: "a" }, { name: "fresh" }] });
    for (const prefix of ["ollama", "proxy", "openai"]) {
      const answer = await post(
        olla,
        `${prefix}/api/pull`,
        { model: "fresh" },
        { "X-Olla-Endpoint": "second" },
      );
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-olla-endpoint")).toBe("second");
      expect(answer.headers.get("x-olla-sticky-session")).toBeNull();
      expect(await answer.text()).toBe('{"status":"pulling manifest"}\n{"status":"success"}\n');
    }
    expect(second.requests.at(-1)?.header("x-olla-endpoint")).toBeUndefined();
    const management = ({ target }: { target: string }) => target === "/api/pull";
    expect(first.requests.filter(management)).toEqual([]);
    await waitUntil(
      async () => ((await json(fetch(`${olla.url}/olla/ollama/api/tags`))).models as unknown[]).length === 2,
      { what: "the pulled model is listed" },
    );
  });

  test("is not tried elsewhere, and what the endpoint says of it is passed on", async () => {
    const missing = answerJson({ error: "model 'x' not found" }, 404);
    await using first = ollamaWith(["x"], { other: answerJson({}) });
    await using second = ollamaWith(["x"], { other: missing });
    await using olla = await startOlla({
      endpoints: [
        { name: "first", url: first.url, type: "ollama" },
        { name: "second", url: second.url, type: "ollama" },
      ],
    });
    const answer = await post(
      olla,
      "ollama/api/delete",
      { model: "x" },
      { "X-Olla-Endpoint": "second" },
      "DELETE",
    );
    expect(answer.status).toBe(404);
    expect(await json(answer)).toEqual({ error: "model 'x' not found" });
    expect(second.requests.at(-1)).toMatchObject({ method: "DELETE", text: '{"model":"x"}' });
    expect(first.requests.filter(({ target }) => target === "/api/delete")).toEqual([]);
  });

  test("is refused without a name, for a wrong one, for one of another kind, for one that is down, and to web pages", async () => {
    await using home = ollamaWith(["a"], { other: answerJson({}) });
    await using down = new FakeUpstream({ kind: "ollama", models: ["a"], health: answerJson({}, 500) });
    await using vllm = new FakeUpstream({ kind: "vllm", models: ["v"] });
    await using olla = await startOlla({
      readiness: "all-probed",
      endpoints: [
        { name: "home", url: home.url, type: "ollama" },
        { name: "down", url: down.url, type: "ollama" },
        { name: "vllm", url: vllm.url, type: "vllm" },
      ],
    });
    const cases: readonly [headers: Record<string, string>, status: number, said: string][] = [
      [{}, 501, "Name it with the request header X-Olla-Endpoint: <name> (here: home, down)"],
      [{ "X-Olla-Endpoint": "hom" }, 404, "nearest: home"],
      [{ "X-Olla-Endpoint": "vllm" }, 404, 'no endpoint named "vllm"'],
      [{ "X-Olla-Endpoint": "down" }, 503, 'endpoint "down" is not available now'],
      [{ "X-Olla-Endpoint": "home", Origin: "https://evil.test" }, 403, "https://evil.test"],
      [{ "X-Olla-Endpoint": "home", "X-Forwarded-For": "10.0.0.1" }, 403, "only programs on the machine"],
    ];
    for (const [headers, status, said] of cases) {
      const answer = await post(olla, "ollama/api/pull", { model: "a" }, headers);
      expect(answer.status).toBe(status);
      expect((await json(answer)).error).toContain(said);
    }
    expect(home.requests.filter(({ target }) => target === "/api/pull")).toEqual([]);
    expect(olla.accessLog().filter(({ path }) => path === "/olla/ollama/api/pull")).toHaveLength(
      cases.length,
    );
  });
});
