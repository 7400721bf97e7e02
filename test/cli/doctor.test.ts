// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are part of what is tested here
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { EndpointReport } from "../../src/cli/doctor/examine.ts";
import type { Step, StepName } from "../../src/cli/doctor/step.ts";
import { type DoctorFlags, doctor } from "../../src/cli/doctor.ts";
import { buildIdentity } from "../../src/lib/build-identity.ts";
import { blackHoleObstacle, openBlackHole } from "../support/black-hole.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream, type FakeUpstreamOptions } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { type FinishedRun, runToEnd } from "../support/run-to-end.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { pairOf, tlsPath } from "../support/tls-files.ts";
import {
  answerJson,
  completionOf,
  hangBeforeHead,
  resetBeforeHead,
  sseToken,
  streamTokens,
} from "../support/upstream-behaviours.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-doctor-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const somewhere = { isInContainer: false, proxyVariables: [], ownAddresses: [] };

interface Asking {
  readonly flags?: Partial<DoctorFlags>;
  readonly names?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly surroundings?:
    | typeof somewhere
    | { isInContainer: boolean; proxyVariables: string[]; ownAddresses: string[] };
}

interface Told {
  readonly code: number;
  readonly output: string;
  readonly endpoints: readonly EndpointReport[];
  /** Of the first endpoint. */
  step(name: StepName): Step | undefined;
}

async function examine(endpoints: readonly object[], asking: Asking = {}): Promise<Told> {
  const path = join(folder, `${crypto.randomUUID()}.yaml`);
  const entries = endpoints.map((entry, index) => ({ name: `endpoint-${index}`, ...entry }));
  await Bun.write(path, JSON.stringify({ discovery: { static: { endpoints: entries } } }));
  let output = "";
  const code = await doctor(
    asking.names ?? [],
    { generate: true, timeout: "5s", json: true, ...asking.flags },
    {
      configPath: path,
      build: buildIdentity,
      surroundings: asking.surroundings ?? somewhere,
      terminal: {
        out(text) {
          output += text;
        },
        err(text) {
          output += text;
        },
        env: asking.env ?? {},
        cwd: folder,
        isScreen: false,
        exitNow() {},
      },
    },
  );
  const { endpoints: reports = [] } = (asking.flags?.json ?? true) ? JSON.parse(output) : {};
  return {
    code,
    output,
    endpoints: reports,
    step: (name) => (reports as EndpointReport[])[0]?.steps.find((step) => step.name === name),
  };
}

/** Ollama's answers: sizes in its list, its version, and a stream. */
function startOllama(behave: Behaviour = streamTokens(["hel", "lo"])): FakeUpstream {
  const models = [
    { name: "large:latest", model: "large:latest", size: 40_000_000_000 },
    { name: "small:latest", model: "small:latest", size: 400_000_000 },
    { name: "nomic-embed-text", model: "nomic-embed-text", size: 200_000_000 },
  ];
  const listed = models.map(({ name }) => ({ id: name, object: "model", owned_by: "library" }));
  return new FakeUpstream({
    kind: "ollama",
    list: answerJson({ models }),
    behave(exchange) {
      if (exchange.target === "/api/version") return exchange.respondJson({ version: "0.32.15" });
      if (exchange.target === "/v1/models") return exchange.respondJson({ object: "list", data: listed });
      return exchange.method === "POST" ? behave(exchange) : exchange.respondJson({}, 404);
    },
  });
}

/** A vLLM that treats whoever wants an answer as the test says, and knows no path besides. */
function startVllm(behave: Behaviour, options: FakeUpstreamOptions = {}): FakeUpstream {
  return new FakeUpstream({
    kind: "vllm",
    behave: (exchange) => (exchange.method === "POST" ? behave(exchange) : exchange.respondJson({}, 404)),
    ...options,
  });
}

function asked(upstream: FakeUpstream): readonly { readonly model: string; readonly max_tokens?: number }[] {
  return upstream.requests.filter(({ method }) => method === "POST").map(({ text }) => JSON.parse(text));
}

describe("an endpoint that is well", () => {
  test("goes through every step, with times, and is asked for one token of its smallest model", async () => {
    await using ollama = startOllama();
    const { code, endpoints, step } = await examine([{ url: ollama.url, type: "ollama" }]);
    expect(code).toBe(0);
    expect(endpoints[0]).toMatchObject({ name: "endpoint-0", type: "ollama", isWell: true });
    expect(endpoints[0]?.steps.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
      "connect well",
      "kind well",
      "health well",
      "models well",
      "token well",
    ]);
    expect(step("kind")?.text).toBe("Ollama 0.32.15");
    expect(step("models")?.text).toStartWith("3 models: large:latest, small:latest");
    expect(step("token")?.tookMs).toBeGreaterThan(0);
    expect(asked(ollama)).toMatchObject([{ model: "small:latest", stream: true, max_tokens: 16 }]);
  });

  test("has its kind found out where the configuration does not say it", async () => {
    await using ollama = startOllama();
    const { code, endpoints, step } = await examine([{ url: `${ollama.url}/v1`, type: "auto" }]);
    expect(code).toBe(0);
    expect(endpoints[0]?.type).toBe("ollama");
    expect(step("health")?.text).toBe("HTTP 200 at /");
  });

  test("is asked for no token with --no-generate, and for one of the model that --model names", async () => {
    await using ollama = startOllama();
    const entry = { url: ollama.url, type: "ollama" };
    const without = await examine([entry], { flags: { generate: false } });
    expect([without.code, without.step("token")]).toEqual([0, undefined]);
    expect(asked(ollama)).toEqual([]);
    await examine([entry], { flags: { model: "LARGE:latest" } });
    expect(asked(ollama)).toMatchObject([{ model: "large:latest" }]);
    const typo = await examine([entry], { flags: { model: "smal:latest" } });
    expect(typo.step("token")).toMatchObject({ verdict: "wrong", cure: "it has small:latest" });
  });

  test("may refuse max_tokens, as newer models do", async () => {
    const refuse: Behaviour = (exchange) =>
      JSON.parse(exchange.text).max_tokens === undefined
        ? streamTokens(["yes"])(exchange)
        : exchange.respondJson({ error: { message: "use max_completion_tokens" } }, 400);
    await using upstream = startVllm(refuse);
    const { code, step } = await examine([{ url: upstream.url, type: "vllm" }]);
    expect([code, step("token")?.verdict]).toEqual([0, "well"]);
    expect(asked(upstream)).toHaveLength(2);
  });

  test("with nothing but embedding models is not asked for a token", async () => {
    await using upstream = new FakeUpstream({ models: ["nomic-embed-text"] });
    const { code, step } = await examine([{ url: upstream.url, type: "openai-compatible" }]);
    expect([code, step("token")?.verdict]).toEqual([0, "note"]);
    expect(asked(upstream)).toEqual([]);
  });
});

describe("an endpoint that cannot be reached", () => {
  test("by its name", async () => {
    const { code, step } = await examine([{ url: "http://no-such-host.invalid:8000" }]);
    expect(code).toBe(1);
    expect(step("dns")).toMatchObject({
      verdict: "wrong",
      text: "nobody knows the name no-such-host.invalid",
    });
    expect(step("dns")?.cure).toContain("typo");
    expect(step("connect")).toBeUndefined();
  });

  test("because nothing listens, and in a container because localhost is the container", async () => {
    const port = findDeadPort();
    const entry = { url: `http://127.0.0.1:${port}` };
    const plain = await examine([entry]);
    expect(plain.code).toBe(1);
    expect(plain.step("connect")).toMatchObject({
      verdict: "wrong",
      text: `nothing listens at 127.0.0.1:${port}`,
    });
    expect(plain.step("connect")?.cure).toContain("start the server");
    const inside = await examine([entry], { surroundings: { ...somewhere, isInContainer: true } });
    expect(inside.step("connect")?.cure).toContain(`http://host.docker.internal:${port}`);
  });

  const lan = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address;

  test.skipIf(lan === undefined)(
    `because Ollama listens on 127.0.0.1 only${lan === undefined ? " (skipped: this machine has no other address)" : ""}`,
    async () => {
      await using ollama = startOllama();
      const entry = { url: `http://${lan}:${ollama.port}`, type: "ollama" };
      const here = await examine([entry], { surroundings: { ...somewhere, ownAddresses: [lan ?? ""] } });
      expect(here.step("connect")?.cure).toContain(`write http://127.0.0.1:${ollama.port}`);
      expect(here.step("connect")?.cure).toContain("OLLAMA_HOST=0.0.0.0");
      const elsewhere = await examine([entry]);
      expect(elsewhere.step("connect")?.cure).toContain("OLLAMA_HOST=0.0.0.0");
    },
  );

  test.skipIf(blackHoleObstacle !== undefined)(
    `because the machine keeps silent${blackHoleObstacle === undefined ? "" : ` (skipped: ${blackHoleObstacle})`}`,
    async () => {
      using hole = await openBlackHole();
      const { code, step } = await examine([{ url: hole.url, connection_timeout: "200ms" }], {
        surroundings: { ...somewhere, proxyVariables: ["HTTP_PROXY"] },
      });
      expect(code).toBe(1);
      expect(step("connect")?.text).toContain("does not answer");
      expect(step("connect")?.cure).toContain("HTTP_PROXY");
    },
  );
});

describe("a certificate", () => {
  function serve(pair: string): { readonly port: number; [Symbol.dispose](): void } {
    const data = [{ id: "tiny", object: "model", owned_by: "vllm" }];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: pairOf(pair),
      fetch(request) {
        if (request.method === "GET") return Response.json({ object: "list", data });
        return new Response(sseToken("hi"), { headers: { "content-type": "text/event-stream" } });
      },
    });
    return { port: server.port ?? 0, [Symbol.dispose]: () => void server.stop(true) };
  }

  const ca = tlsPath("authority.pem");
  const cases = [
    ["of a known authority is fine", "one", { ca }, "well", "certificate valid until 2125-01-01", undefined],
    ["of an unknown authority", "one", {}, "wrong", 'vouched for by "authority"', "tls.ca"],
    [
      "of another authority than tls.ca",
      "one",
      { ca: tlsPath("stranger.pem") },
      "wrong",
      "vouched for",
      "another authority",
    ],
    ["that has expired", "expired", { ca }, "wrong", "expired on 2021-01-01", "renew it"],
    ["that is not valid yet", "future", { ca }, "wrong", "not valid before 2100-01-01", "clocks"],
    [
      "for another name",
      "gpu",
      { ca },
      "wrong",
      "not for 127.0.0.1; its names: gpu.example",
      "tls.server_name",
    ],
    [
      "that is accepted whatever it is",
      "gpu",
      { insecure_skip_verify: true },
      "note",
      "accepted all the same",
      "read along",
    ],
  ] as const;
  for (const [what, pair, tls, verdict, text, cure] of cases) {
    test(what, async () => {
      using server = serve(pair);
      const { code, step } = await examine([{ url: `https://127.0.0.1:${server.port}`, type: "vllm", tls }]);
      expect(step("tls")).toMatchObject({ verdict });
      expect(step("tls")?.text).toContain(text);
      expect(step("tls")?.cure ?? "").toContain(cure ?? "");
      expect(code).toBe(verdict === "wrong" ? 1 : 0);
      expect(step("token")?.verdict).toBe(verdict === "wrong" ? undefined : "well");
    });
  }

  test("is missing where the server speaks plain http, and in the way where the address says http", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
    try {
      const { step } = await examine([{ url: `https://127.0.0.1:${server.port}` }]);
      expect(step("tls")).toMatchObject({
        verdict: "wrong",
        cure: `write url: http://127.0.0.1:${server.port}`,
      });
    } finally {
      await server.stop(true);
    }
    using https = serve("one");
    const { code, step } = await examine([{ url: `http://127.0.0.1:${https.port}` }]);
    expect(code).toBe(1);
    expect(step("kind")).toMatchObject({
      text: "what answers there speaks https",
      cure: `write url: https://127.0.0.1:${https.port}`,
    });
  });
});

describe("what answers", () => {
  test("is another kind than type says", async () => {
    await using ollama = startOllama();
    for (const type of ["vllm", "lm-studio"]) {
      const { code, step } = await examine([{ url: ollama.url, type }]);
      expect(code).toBe(1);
      expect(step("kind")).toMatchObject({
        verdict: "wrong",
        text: `this is Ollama, but type says ${type}`,
        cure: "write type: ollama, or auto",
      });
    }
    const generic = await examine([{ url: ollama.url, type: "openai" }]);
    expect(generic.step("kind")).toMatchObject({ verdict: "note" });
    expect(generic.code).toBe(0);
  });

  test("is no inference server", async () => {
    await using upstream = new FakeUpstream({
      list: (exchange) => exchange.respond(200, {}, "<html>"),
      behave: answerJson({}, 404),
    });
    const { code, step } = await examine([{ url: upstream.url }]);
    expect(code).toBe(1);
    expect(step("kind")?.text).toContain("no model list that Olla knows");
  });

  test("has nothing at the path of url, which it has without", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm", behave: answerJson({}, 404) });
    const wrong = await examine([{ url: `${upstream.url}/openai`, type: "vllm" }]);
    expect(wrong.step("kind")).toMatchObject({ verdict: "wrong" });
    expect(wrong.step("kind")?.cure).toContain(`write url: ${upstream.url}`);
    const twice = await examine([{ url: `${upstream.url}/api/v1/x/v1`, type: "vllm" }]);
    expect(twice.step("kind")?.cure).toBe(`/v1 stands twice in url: write ${upstream.url}/api/v1`);
  });

  test("answers its health check with an error, so that Olla would not use it", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm", health: answerJson({}, 500) });
    const { code, step } = await examine([{ url: upstream.url, type: "vllm" }]);
    expect(code).toBe(1);
    expect(step("health")).toMatchObject({ verdict: "wrong", text: "HTTP 500 at /health" });
  });

  test("has no models, or none that model_filter lets through", async () => {
    await using empty = new FakeUpstream({ kind: "ollama", models: [], behave: answerJson({}, 404) });
    const none = await examine([{ url: empty.url, type: "ollama" }]);
    expect(none.code).toBe(1);
    expect(none.step("models")).toMatchObject({ verdict: "wrong", text: "it has no model" });
    expect(none.step("models")?.cure).toContain("ollama pull");
    await using ollama = startOllama();
    const hidden = await examine([{ url: ollama.url, type: "ollama", model_filter: { include: ["gpt*"] } }]);
    expect(hidden.step("models")?.text).toBe("model_filter leaves out all 3 models");
    expect(hidden.step("token")).toBeUndefined();
  });
});

describe("a key", () => {
  const canary = "sk-canary-0123456789";
  const refuse: Behaviour = (exchange) => {
    const said = `Incorrect API key provided, \u001b[31m${"long words, ".repeat(34)}here: ${exchange.header("authorization")?.replace("Bearer ", "")}`;
    return exchange.respondJson({ error: { message: said } }, 401);
  };

  test("that is missing, or refused, is named by where it comes from", async () => {
    await using upstream = new FakeUpstream({ list: refuse, behave: refuse });
    const entry = { url: upstream.url, type: "openai-compatible" };
    const missing = await examine([entry]);
    expect(missing.step("kind")?.text).toContain("HTTP 401: it wants a key");
    expect(missing.step("kind")?.cure).toContain("auth: { type: bearer");
    const auth = { type: "bearer", token: "${CLOUD_KEY}" };
    const refused = await examine([{ ...entry, auth }], { env: { CLOUD_KEY: canary } });
    expect(refused.step("kind")?.text).toContain("it refuses the key");
    expect(refused.step("kind")?.cure).toContain("the key in the variable CLOUD_KEY");
    await Bun.write(join(folder, "cloud.key"), canary);
    const ofFile = await examine([{ ...entry, auth: { type: "api_key", key_file: "cloud.key" } }]);
    expect(ofFile.step("kind")?.cure).toContain("the key in the file cloud.key");
    expect(refused.output + ofFile.output).not.toContain(canary);
  });

  test("is not shown, although the server quotes it", async () => {
    await using upstream = startVllm(refuse);
    const entry = { url: `${upstream.url}?key=${canary}`, type: "vllm" };
    for (const auth of [
      { type: "bearer", token: canary },
      { type: "basic", username: canary, password: `${canary}-password` },
    ]) {
      for (const json of [true, false]) {
        const { code, output } = await examine([{ ...entry, auth }], { flags: { json } });
        expect(code).toBe(1);
        expect(output).toContain("HTTP 401 at /v1/chat/completions: Incorrect API key provided, ");
        expect(output).not.toContain("\u001b");
        expect(output).not.toContain(canary);
        expect(output).not.toContain(canary.slice(0, 9));
        expect(output).not.toContain(Buffer.from(`${canary}:`).toString("base64").slice(0, 16));
      }
    }
  });
});

describe("the token", () => {
  const cases: readonly (readonly [string, Behaviour, Partial<Step>, string])[] = [
    [
      "does not come because the server says why",
      answerJson({ error: "model requires more system memory (9 GiB) than is available" }, 500),
      {
        verdict: "wrong",
        text: "HTTP 500 at /v1/chat/completions: model requires more system memory (9 GiB) than is available",
      },
      "server says",
    ],
    [
      "does not come because the stream says why",
      async (exchange) => {
        await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
        await exchange.chunk('data: {"error":{"message":"out of memory"}}\n\n');
        await exchange.endChunked();
      },
      { verdict: "wrong", text: "it reports an error: out of memory" },
      "log",
    ],
    [
      "does not come in time",
      hangBeforeHead,
      { verdict: "wrong", text: "no token within 300ms" },
      "--timeout",
    ],
    [
      "does not come because the server breaks off",
      resetBeforeHead,
      { verdict: "wrong", text: "the connection was broken off (reset)" },
      "crash",
    ],
    [
      "does not come at all",
      async (exchange) => {
        await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
        await exchange.endChunked();
      },
      { verdict: "wrong", text: "the stream of tiny ended without a token" },
      "log",
    ],
    ["comes with all others at once", answerJson(completionOf("hi")), { verdict: "note" }, "another proxy"],
    [
      "is something else",
      answerJson({ page: 1 }),
      { verdict: "wrong", text: "the answer is none of a model (application/json)" },
      "inference server",
    ],
    [
      "is not to be had now",
      answerJson({ error: { message: "slow down" } }, 429),
      { verdict: "note" },
      "later",
    ],
  ];
  for (const [what, behave, told, cure] of cases) {
    test(what, async () => {
      await using upstream = startVllm(behave);
      const { code, step } = await examine([{ url: upstream.url, type: "vllm" }], {
        flags: { timeout: "300ms" },
      });
      expect(step("token")).toMatchObject(told);
      expect(step("token")?.cure).toContain(cure);
      expect(code).toBe(told.verdict === "wrong" ? 1 : 0);
    });
  }
});

test("endpoints are examined at the same time", async () => {
  let waiting = 0;
  const { promise: bothAsked, resolve } = Promise.withResolvers<void>();
  const list: Behaviour = async (exchange) => {
    waiting += 1;
    if (waiting >= 2) resolve();
    await bothAsked;
    await exchange.respondJson({ object: "list", data: [{ id: "tiny", owned_by: "vllm" }] });
  };
  await using one = startVllm(streamTokens(["a"]), { list });
  await using two = startVllm(streamTokens(["a"]), { list });
  const entries = [one, two].map(({ url }) => ({
    url,
    type: "openai-compatible",
    health_check_url: "/health",
  }));
  const { code, endpoints } = await examine(entries);
  expect([code, endpoints.length]).toEqual([0, 2]);
});

test("a person reads what was seen, what helps, and what it comes to", async () => {
  await using ollama = startOllama();
  const entries = [{ url: ollama.url, type: "ollama" }, { url: `http://127.0.0.1:${findDeadPort()}` }];
  const { code, output } = await examine(entries, {
    flags: { json: false },
    surroundings: { ...somewhere, proxyVariables: ["HTTPS_PROXY"] },
  });
  expect(code).toBe(1);
  expect(output).toMatch(
    /^endpoint-0 {2}http:\/\/127\.0\.0\.1:\d+ \(ollama\)\n {2}✓ connect +port \d+ is open +\d+ms\n/,
  );
  expect(output).toMatch(/\n {2}✗ connect +nothing listens at \S+ +\d+ms\n {4}→ start the server/);
  expect(output).toContain("! HTTPS_PROXY is set, and not used\n");
  expect(output).toEndWith("2 endpoints: something is wrong with 1\n");
});

describe("as a command", () => {
  function run(args: readonly string[], files: Record<string, string> = {}, env = {}): Promise<FinishedRun> {
    return runToEnd(["doctor", ...args], { command: sourceCommand, files, env });
  }

  test.concurrent("it tries out a server that is not configured, with a token from a file", async () => {
    const list: Behaviour = (exchange) =>
      exchange.header("authorization") === "Bearer right-token"
        ? exchange.respondJson({ object: "list", data: [{ id: "tiny", object: "model" }] })
        : exchange.respondJson({}, 401);
    await using upstream = new FakeUpstream({ list, behave: streamTokens(["a"]) });
    const files = { "token.txt": "right-token\n", "config.yaml": "none: of this\n" };
    const args = ["--url", upstream.url, "--type", "openai-compatible", "--token-file", "token.txt"];
    const { code, stdout, stderr } = await run(args, files);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("1 endpoint: all well");
  });

  test.concurrent("it refuses addresses, types and flags that make no sense", async () => {
    for (const [args, code, text] of [
      [["--url", "gpu-box:8000"], 1, "did you mean"],
      [["--url", "http://gpu-box:8000", "--type", "vlm"], 1, 'did you mean "vllm"'],
      [["--type", "vllm"], 2, "belong to --url"],
      [["--timeout", "soon"], 2, "--timeout: expected a duration"],
      [["--url", "http://user:s3cret@gpu-box"], 1, "without credentials"],
    ] as const) {
      const run1 = await run(args);
      expect([args, run1.code]).toEqual([args, code]);
      expect(run1.stderr).toContain(text);
      expect(run1.stderr + run1.stdout).not.toContain("s3cret");
    }
  });

  test.concurrent("it says what is wrong with a configuration that does not load", async () => {
    const { code, stderr } = await run([], { "config.yaml": "server: { port: many }\n" });
    expect(code).toBe(1);
    expect(stderr).toContain("config.yaml:1:17  server.port");
  });

  test.concurrent("it examines those that are named, and knows no others", async () => {
    await using ollama = startOllama();
    const entries = [
      { name: "well", url: ollama.url, type: "ollama" },
      { name: "dead", url: `http://127.0.0.1:${findDeadPort()}` },
    ];
    const files = { "config.yaml": JSON.stringify({ discovery: { static: { endpoints: entries } } }) };
    const one = await run(["well", "--no-generate"], files);
    expect([one.code, one.stdout.includes("dead")]).toEqual([0, false]);
    const stranger = await run(["wel"], files);
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toContain('no endpoint is called "wel"; there are well, dead');
  });

  test.concurrent("without endpoints in the configuration it looks where serving would", async () => {
    await using upstream = startVllm(streamTokens(["a"]));
    const profile = (port: number) =>
      `name: kiln\napi: { health_check_path: /health }\ndetection: { default_ports: [${port}], owned_by: [fake] }\n`;
    const files = { "config.yaml": "proxy: { profile_filter: { include: [kiln] } }\n" };
    const found = await run([], { ...files, "config/profiles/kiln.yaml": profile(upstream.port) });
    expect([found.code, found.stdout.includes(`kiln-${upstream.port}`)]).toEqual([0, true]);
    const nothing = await run([], { ...files, "config/profiles/kiln.yaml": profile(findFreePort()) });
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain("olla init");
    const emptied = await run([], { "config.yaml": "discovery: { static: { endpoints: [] } }\n" });
    expect([emptied.code, emptied.stderr.includes("is empty")]).toEqual([1, true]);
  });

  test.concurrent("it names proxy variables and keeps their values to itself", async () => {
    await using ollama = startOllama();
    const env = { HTTP_PROXY: "http://user:s3cret@proxy:3128" };
    const { code, stdout } = await run(["--url", ollama.url], {}, env);
    expect([code, stdout.includes("HTTP_PROXY"), stdout.includes("s3cret")]).toEqual([0, true, false]);
  });
});
