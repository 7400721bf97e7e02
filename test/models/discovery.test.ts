import { afterEach, describe, expect, test } from "bun:test";
import type { EndpointConfig } from "../../src/config/endpoint-config.ts";
import { buildEndpoints } from "../../src/endpoints/build-endpoints.ts";
import type { Endpoint } from "../../src/endpoints/endpoint.ts";
import { EndpointRegistry } from "../../src/endpoints/endpoint-registry.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { compileGlobs } from "../../src/lib/glob.ts";
import { Secret } from "../../src/lib/secret.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { waitUntil, within } from "../support/wait-until.ts";
import {
  buildDiscovery,
  createLogRecorder,
  endpointAt,
  type ListServer,
  notFound,
  ollamaList,
  openaiList,
  profileNamed,
  profiles,
  ScriptedRegistry,
  serveLists,
  webPage,
} from "./discovery-fixture.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

function serve(answer: ListServer["answer"]): ListServer {
  const server = serveLists(answer);
  cleanUps.push(() => server.stop());
  return server;
}

function discover(
  endpoints: readonly Endpoint[],
  ...rest: Parameters<typeof buildDiscovery> extends [unknown, ...infer Rest] ? Rest : never
) {
  const registry = new ScriptedRegistry(endpoints);
  const built = buildDiscovery(registry, ...rest);
  cleanUps.push(() => built.discovery.stop());
  return { registry, ...built };
}

const never = () => new Promise<Response>(() => {});

describe("asking endpoints for their models", () => {
  test("one that hangs and one that fails keep none of the others waiting", async () => {
    const good = serve(() => ollamaList("a"));
    const alsoGood = serve(() => ollamaList("b"));
    const hanging = serve(never);
    const failing = serve(() => new Response("no", { status: 500 }));
    const { discovery, catalog, lines } = discover([
      endpointAt("hanging", hanging.url),
      endpointAt("failing", failing.url),
      endpointAt("good", good.url),
      endpointAt("also-good", alsoGood.url),
    ]);
    discovery.start();
    await waitUntil(() => catalog.names().length === 2 && lines.some((line) => line.level === "warn"), {
      deadlineMs: 1000,
    });
    expect(catalog.names()).toEqual(["a", "b"]);
    expect(lines.filter((line) => line.level === "warn").map((line) => line.fields)).toEqual([
      { endpoint: "failing", reason: "server error (HTTP 500)", consecutive_failures: 1 },
    ]);
  });

  test("an empty list is looked at again long before the interval, ever more rarely, until it has models", async () => {
    const listed: string[] = [];
    const server = serve(() => ollamaList(...listed));
    const clock = createFakeClock();
    const { discovery, catalog } = discover([endpointAt("box", server.url)], { intervalMs: 60_000 }, clock);
    discovery.start();
    await discovery.refresh("box");
    for (const [delayMs, asked] of [
      [9_999, 1],
      [1, 2],
      [20_000, 3],
    ] as const) {
      clock.advance(delayMs);
      await waitUntil(() => server.asked.length === asked);
      await discovery.refresh("box");
    }
    listed.push("first");
    // The interval comes before the next look at an empty list.
    clock.advance(30_000);
    await waitUntil(() => catalog.has("first"));
    const asked = server.asked.length;
    clock.advance(29_999);
    expect(server.asked).toHaveLength(asked);
    discovery.stop();
    expect(clock.pendingTimers()).toBe(0);
  });

  test("endpoints that hang hold up others for two seconds at most, however few the workers", async () => {
    const good = serve(() => ollamaList("a"));
    const hanging = serve(never);
    const clock = createFakeClock();
    const endpoints = [endpointAt("hanging", hanging.url), endpointAt("good", good.url)];
    const { discovery, catalog } = discover(endpoints, { workers: 1 }, clock);
    discovery.start();
    await waitUntil(() => hanging.asked.length === 1);
    expect(good.asked).toEqual([]);
    clock.advance(2000);
    await waitUntil(() => catalog.has("a"));
  });

  test("an endpoint's own failure leaves its last list as it was", async () => {
    const server = serve(() => ollamaList("a"));
    const { discovery, catalog } = discover([endpointAt("box", server.url)]);
    await discovery.refreshAll();
    server.answer = () => new Response("loading", { status: 503 });
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["a"]);
  });

  test("a model that is gone from the list is gone from the catalog", async () => {
    const server = serve(() => ollamaList("a", "b"));
    const { discovery, catalog, lines } = discover([endpointAt("box", server.url)]);
    await discovery.refreshAll();
    server.answer = () => ollamaList("b");
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["b"]);
    expect(lines.at(-1)).toMatchObject({ level: "info", fields: { removed: ["a"] } });
  });

  test("names that the endpoint's filter refuses are never seen", async () => {
    const server = serve(() => ollamaList("llama3", "secret-model"));
    const admitsModel = compileGlobs({ include: [], exclude: ["secret*"] });
    const { discovery, catalog } = discover([endpointAt("box", server.url, { admitsModel })]);
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["llama3"]);
  });

  test("the endpoint's headers and credentials are sent, and win over ours", async () => {
    const server = serve(() => ollamaList("a"));
    const requestHeaders = [
      ["X-Team", new Secret("red")],
      ["User-Agent", new Secret("mine")],
      ["Authorization", new Secret("Bearer canary")],
    ] as const;
    const { discovery, lines } = discover([endpointAt("box", server.url, { requestHeaders })]);
    await discovery.refreshAll();
    const headers = server.headers[0];
    expect(headers?.get("x-team")).toBe("red");
    expect(headers?.get("user-agent")).toBe("mine");
    expect(headers?.get("authorization")).toBe("Bearer canary");
    expect(headers?.get("accept")).toBe("application/json");
    expect(JSON.stringify(lines)).not.toContain("canary");
  });

  test("who has no headers of its own is asked by name and version", async () => {
    const server = serve(() => ollamaList("a"));
    const { discovery } = discover([endpointAt("box", server.url)]);
    await discovery.refreshAll();
    expect(server.headers[0]?.get("user-agent")).toBe("olla-Discovery/1.2.3");
  });

  test("two calls at once ask once", async () => {
    const server = serve(() => ollamaList("a"));
    const { discovery } = discover([endpointAt("box", server.url)]);
    await Promise.all([discovery.refresh("box"), discovery.refreshAll(), discovery.refresh("box")]);
    expect(server.asked).toHaveLength(1);
  });

  test("endpoints that are down, unknown by name, or with discovery off are not asked", async () => {
    const server = serve(() => ollamaList("a"));
    const { discovery, registry } = discover([endpointAt("box", server.url)]);
    registry.setStatus("box", "offline");
    await discovery.refreshAll();
    await discovery.refresh("nobody");
    const off = discover([endpointAt("box", server.url)], { enabled: false });
    off.discovery.start();
    await off.discovery.refreshAll();
    expect(server.asked).toEqual([]);
    expect(off.registry.listenerCount()).toBe(0);
  });
});

describe("a model that the list no longer has", () => {
  const graced = { removalGraceMs: 10_000 };

  function discoverTwo(answer = () => ollamaList("a", "b")) {
    const server = serve(answer);
    const clock = createFakeClock();
    return { server, clock, ...discover([endpointAt("box", server.url)], graced, clock) };
  }

  test("stays for its grace, is asked for right after it, and then leaves every view", async () => {
    const { server, clock, discovery, catalog, lines } = discoverTwo();
    await discovery.refreshAll();
    server.answer = () => ollamaList();
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["a", "b"]);
    expect(lines.at(-1)).toMatchObject({
      level: "info",
      message: "Endpoint box has 2 models, 2 of them no longer listed",
      fields: { kept: ["a", "b"] },
    });
    clock.advance(9_999);
    expect(server.asked).toHaveLength(2);
    clock.advance(1);
    await waitUntil(() => !catalog.has("a"));
    expect(server.asked).toHaveLength(3);
    expect([catalog.names(), catalog.unified(), catalog.modelsAt("box")]).toEqual([[], [], []]);
    expect(lines.at(-1)).toMatchObject({ level: "info", fields: { removed: ["a", "b"] } });
  });

  test("that is listed again was never gone", async () => {
    const { server, clock, discovery, catalog } = discoverTwo();
    await discovery.refreshAll();
    server.answer = () => ollamaList("a");
    await discovery.refreshAll();
    server.answer = () => ollamaList("a", "b");
    await discovery.refreshAll();
    expect(clock.pendingTimers()).toBe(0);
    server.answer = () => ollamaList("a");
    clock.advance(10_000);
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["a", "b"]);
  });

  test("has its grace from the first list without it, however often the endpoint is asked", async () => {
    const { server, clock, discovery, catalog } = discoverTwo();
    await discovery.refreshAll();
    server.answer = () => ollamaList("b");
    for (let second = 0; second < 9; second += 3) {
      await discovery.refreshAll();
      clock.advance(3000);
    }
    expect(catalog.has("a")).toBe(true);
    clock.advance(1000);
    await waitUntil(() => !catalog.has("a"));
  });

  test("leaves at once when the endpoint itself refuses it", async () => {
    const { server, discovery, catalog, lines } = discoverTwo();
    await discovery.refreshAll();
    server.answer = () => ollamaList("b");
    await discovery.refreshAll();
    discovery.noteMissing("box", "A");
    expect(catalog.names()).toEqual(["b"]);
    expect(lines.at(-1)?.message).toBe("Endpoint box no longer has a");
    await waitUntil(() => server.asked.length === 3);
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["b"]);
  });

  test("has no grace when the endpoint refused it before the list came", async () => {
    const { server, discovery, catalog } = discoverTwo();
    await discovery.refreshAll();
    server.answer = () => ollamaList("b");
    discovery.noteMissing("box", "a");
    await waitUntil(() => !catalog.has("a"));
    expect(catalog.names()).toEqual(["b"]);
  });

  test("stays while the list cannot be read, and the stop leaves no timer", async () => {
    const { server, clock, discovery, catalog } = discoverTwo();
    await discovery.refreshAll();
    server.answer = () => ollamaList("b");
    await discovery.refreshAll();
    server.answer = () => new Response("", { status: 503 });
    clock.advance(10_000);
    await waitUntil(() => server.asked.length === 3);
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["a", "b"]);
    server.answer = () => ollamaList();
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["b"]);
    discovery.stop();
    expect(clock.pendingTimers()).toBe(0);
  });

  test("of a kind that is no longer there has no grace", async () => {
    const server = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const auto = { profile: profileNamed("openai-compatible"), isAutoDetected: true };
    const { discovery, catalog } = discover([endpointAt("box", server.url, auto)], graced);
    await discovery.refreshAll();
    server.answer = (path) => (path === "/v1/models" ? openaiList("b") : notFound());
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["b"]);
  });
});

describe("answers that are no model list", () => {
  const bodies: readonly [what: string, answer: () => Response, reason: string][] = [
    ["a web page", webPage, "the answer is a web page (HTML or XML), not JSON"],
    ["nothing", () => new Response(""), "the answer is empty"],
    [
      "cut JSON",
      () => new Response('{"models":[{"name":"a"},{"na'),
      "the answer is broken JSON: cut off, or badly written",
    ],
    ["another list", () => openaiList("a"), 'the answer is JSON, but has no "models" list'],
    ["401", () => new Response("", { status: 401 }), "configuration issue (HTTP 401)"],
    ["204", () => new Response(null, { status: 204 }), "unexpected answer (HTTP 204)"],
    [
      "11 MB",
      () => new Response(`{"models":[{"name":"${"x".repeat(11 * 1024 * 1024)}"}]}`),
      "the model list is larger than 10 MiB",
    ],
  ];
  for (const [what, answer, reason] of bodies) {
    test(`${what} is reported in plain words, once, and changes nothing`, async () => {
      const server = serve(answer);
      const { discovery, catalog, lines } = discover([endpointAt("box", server.url)]);
      await discovery.refreshAll();
      await discovery.refreshAll();
      expect(catalog.lastUpdatedAt("box")).toBeUndefined();
      const warnings = lines.filter((line) => line.level === "warn");
      expect(warnings.map((line) => line.fields?.reason)).toEqual([reason]);
    });
  }

  test("a list of almost 10 MB with gzip and the wrong content type is read", async () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `model-${index}-${"x".repeat(70)}`);
    const body = JSON.stringify({ models: names.map((name) => ({ name })) });
    expect(body.length).toBeGreaterThan(9_000_000);
    const packed = Bun.gzipSync(body);
    const headers = { "content-encoding": "gzip", "content-type": "text/plain" };
    const server = serve(() => new Response(packed, { headers }));
    const { discovery, catalog } = discover([endpointAt("box", server.url)]);
    await discovery.refreshAll();
    expect(catalog.modelsAt("box")).toHaveLength(100_000);
  });

  test("a redirect is followed within the origin, never out of it", async () => {
    const other = serve(() => ollamaList("stolen"));
    const server = serve((path) =>
      path === "/api/tags" ? Response.redirect("/lists/tags", 307) : ollamaList("a"),
    );
    const requestHeaders = [["Authorization", new Secret("Bearer canary")]] as const;
    const { discovery, catalog, lines } = discover([endpointAt("box", server.url, { requestHeaders })]);
    await discovery.refreshAll();
    expect(catalog.names()).toEqual(["a"]);
    server.answer = () => Response.redirect(`${other.url}/api/tags`, 302);
    await discovery.refreshAll();
    expect(other.asked).toEqual([]);
    expect(lines.at(-1)?.fields?.reason).toBe("configuration issue (redirected to another origin, HTTP 302)");
    server.answer = (path) => Response.redirect(path, 302);
    await within(discovery.refreshAll(), 2000, "the end of a redirect loop");
    expect(catalog.names()).toEqual(["a"]);
  });

  test("an OpenAI-like server's bare /models that is a web page is asked again at /v1/models", async () => {
    const server = serve((path) => (path === "/models" ? webPage() : openaiList("a")));
    const endpoint = endpointAt("box", server.url, {
      profile: profileNamed("openai-compatible"),
      modelsUrl: `${server.url}/models`,
      hasOwnModelsUrl: true,
    });
    const { discovery, catalog } = discover([endpoint]);
    await discovery.refreshAll();
    expect(server.asked).toEqual(["/models", "/v1/models"]);
    expect(catalog.names()).toEqual(["a"]);
  });
});

describe("when endpoints are asked", () => {
  test("becoming healthy for the first time counts", async () => {
    const server = serve(() => ollamaList("a"));
    const registry = new ScriptedRegistry([endpointAt("box", server.url)], "unknown");
    const { discovery, catalog } = buildDiscovery(registry);
    cleanUps.push(() => discovery.stop());
    discovery.start();
    registry.setStatus("box", "healthy");
    await waitUntil(() => catalog.has("a"));
    expect(server.asked).toHaveLength(1);
  });

  test("a recovery asks exactly once, by whatever statuses it goes", async () => {
    const server = serve(() => ollamaList("a"));
    const { discovery, registry, catalog } = discover([endpointAt("box", server.url)]);
    discovery.start();
    await waitUntil(() => catalog.has("a"));
    server.answer = () => ollamaList("b");
    registry.setStatus("box", "offline");
    registry.setStatus("box", "warming");
    await waitUntil(() => catalog.has("b"));
    registry.setStatus("box", "healthy");
    registry.setStatus("box", "busy");
    registry.setStatus("box", "healthy");
    await discovery.refresh("nobody");
    expect(server.asked).toHaveLength(2);
  });

  test("a list that failed while warming is asked for again when healthy", async () => {
    const server = serve(() => new Response("loading", { status: 503 }));
    const { discovery, registry, catalog, lines } = discover([endpointAt("box", server.url)]);
    registry.setStatus("box", "offline");
    discovery.start();
    registry.setStatus("box", "warming");
    await waitUntil(() => lines.some((line) => line.level === "warn"));
    server.answer = () => ollamaList("a");
    registry.setStatus("box", "healthy");
    await waitUntil(() => catalog.has("a"));
  });

  test("every interval, and not after the stop", async () => {
    const server = serve(() => ollamaList("a"));
    const clock = createFakeClock();
    const { discovery, catalog, registry } = discover([endpointAt("box", server.url)], {}, clock);
    discovery.start();
    await waitUntil(() => catalog.has("a"));
    server.answer = () => ollamaList("b");
    clock.advance(300_000);
    await waitUntil(() => catalog.has("b"));
    discovery.stop();
    await clock.settle();
    clock.advance(900_000);
    registry.setStatus("box", "offline");
    registry.setStatus("box", "healthy");
    expect(server.asked).toHaveLength(2);
    expect(clock.pendingTimers()).toBe(0);
    expect(registry.listenerCount()).toBe(0);
  });

  test("a stop gives up a question under way", async () => {
    const server = serve(never);
    const { discovery, lines } = discover([endpointAt("box", server.url)]);
    const run = discovery.refreshAll();
    discovery.start();
    await waitUntil(() => server.asked.length === 1);
    const second = discovery.refresh("box");
    discovery.stop();
    await within(Promise.all([run, second]), 1000, "the end of the run");
    expect(lines).toEqual([]);
  });

  test("what may pass is tried again with growing pauses, what may not is not", async () => {
    const clock = createFakeClock();
    const askedAt: number[] = [];
    const server = serve(() => {
      askedAt.push(clock.now());
      return askedAt.length < 3 ? new Response("busy", { status: 503 }) : ollamaList("a");
    });
    const { discovery, catalog } = discover([endpointAt("box", server.url)], { retryAttempts: 3 }, clock);
    const run = discovery.refreshAll();
    await waitUntil(async () => {
      await clock.advanceAsync(100);
      return catalog.has("a");
    });
    await run;
    const [first = 0, second = 0, third = 0] = askedAt;
    expect(second - first).toBeGreaterThanOrEqual(1000);
    expect(third - second).toBeGreaterThanOrEqual(2000);

    const refusing = serve(() => new Response("no", { status: 403 }));
    const strict = discover([endpointAt("box", refusing.url)], { retryAttempts: 3 });
    await strict.discovery.refreshAll();
    expect(refusing.asked).toHaveLength(1);
  });

  test("an endpoint that refuses is left alone but at every sixth interval, and comes back", async () => {
    const server = serve(() => new Response("no", { status: 401 }));
    const clock = createFakeClock();
    const { discovery, catalog, lines } = discover([endpointAt("box", server.url)], {}, clock);
    discovery.start();
    await waitUntil(() => lines.length === 1);
    for (let interval = 1; interval <= 5; interval += 1) await clock.advanceAsync(300_000);
    expect(server.asked).toHaveLength(1);
    server.answer = () => ollamaList("a");
    clock.advance(300_000);
    await waitUntil(() => catalog.has("a"));
    clock.advance(300_000);
    await waitUntil(() => server.asked.length === 3);
  });

  test("an endpoint that leaves the configuration takes its models with it", async () => {
    const server = serve(() => ollamaList("a"));
    const { discovery, registry, catalog } = discover([endpointAt("box", server.url)]);
    discovery.start();
    await waitUntil(() => catalog.has("a"));
    registry.remove("box");
    expect(catalog.names()).toEqual([]);
  });
});

describe("a changed configuration", () => {
  test("another address under a known name is asked as a new endpoint, and the old models go", async () => {
    const old = serve(() => ollamaList("a"));
    const moved = serve(() => ollamaList("b"));
    const { discovery, registry, catalog } = discover([endpointAt("box", old.url)]);
    discovery.start();
    await waitUntil(() => catalog.has("a"));
    registry.replaceEndpoint(endpointAt("box", moved.url));
    registry.setStatus("box", "unknown");
    expect(catalog.names()).toEqual([]);
    registry.setStatus("box", "healthy");
    await waitUntil(() => catalog.has("b"));
    expect(old.asked).toHaveLength(1);
  });
});

describe("an endpoint of type auto", () => {
  const auto = { profile: profileNamed("openai-compatible"), isAutoDetected: true };

  test("is asked as every kind once, then as what it is", async () => {
    const server = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const { discovery, registry, catalog } = discover([endpointAt("box", server.url, auto)]);
    await discovery.refreshAll();
    expect(registry.endpoint("box")?.profile.name).toBe("ollama");
    expect(catalog.unified()[0]?.sources[0]?.backendType).toBe("ollama");
    const askedBefore = server.asked.length;
    await discovery.refreshAll();
    expect(server.asked.length).toBe(askedBefore + 1);
  });

  const vllmList = () => Response.json({ data: [{ id: "b", owned_by: "vllm" }] });

  test("that comes back as something else is found out anew, and the log says what it was", async () => {
    const server = serve((path) => (path === "/v1/models" ? vllmList() : notFound()));
    const { discovery, registry, catalog, lines } = discover([endpointAt("box", server.url, auto)]);
    discovery.start();
    await waitUntil(() => catalog.has("b"));
    registry.setStatus("box", "offline");
    // The same path, and a list that vLLM could have written as well.
    server.answer = (path) =>
      path === "/v1/models"
        ? Response.json({ data: [{ id: "b" }, { id: "c" }] }, { headers: { server: "llama.cpp" } })
        : notFound();
    registry.setStatus("box", "healthy");
    await waitUntil(() => catalog.has("c"));
    expect(registry.endpoint("box")?.profile.name).toBe("llamacpp");
    expect(catalog.unified()[0]?.sources[0]?.backendType).toBe("llamacpp");
    expect(lines.map(({ message }) => message)).toContain("Endpoint box is llama.cpp now; it was vLLM");
  });

  test("that was replaced between two probes is found out by its next list", async () => {
    const server = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const { discovery, registry, catalog } = discover([endpointAt("box", server.url, auto)]);
    await discovery.refreshAll();
    const both = { models: [{ name: "b" }], data: [{ id: "b", owned_by: "llamacpp" }] };
    server.answer = (path) =>
      path === "/v1/models" || path === "/api/tags" ? Response.json(both) : notFound();
    await discovery.refreshAll();
    expect(registry.endpoint("box")?.profile.name).toBe("llamacpp");
    server.answer = (path) => (path === "/v1/models" ? vllmList() : webPage());
    await discovery.refreshAll();
    expect(registry.endpoint("box")?.profile.name).toBe("vllm");
    expect(catalog.names()).toEqual(["b"]);
  });

  test("whose own list has failed three times is asked as every other kind too", async () => {
    const server = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const { discovery, registry } = discover([endpointAt("box", server.url, auto)]);
    await discovery.refreshAll();
    server.answer = (path) => (path === "/v1/models" ? vllmList() : new Response("", { status: 500 }));
    for (let run = 1; run <= 3; run += 1) await discovery.refreshAll();
    expect(registry.endpoint("box")?.profile.name).toBe("ollama");
    await discovery.refreshAll();
    expect(registry.endpoint("box")?.profile.name).toBe("vllm");
  });

  const unclear: readonly [what: string, first: string, answer: ListServer["answer"]][] = [
    ["nothing but errors", "ollama", () => new Response("", { status: 503 })],
    ["nothing but web pages", "ollama", () => webPage()],
    [
      "an error where its own list is",
      "ollama",
      (path) => (path === "/v1/models" ? openaiList("b") : new Response("", { status: 500 })),
    ],
    ["an empty list without marks", "vllm", (path) => (path === "/v1/models" ? openaiList() : notFound())],
    [
      "a probe that fails",
      "litellm",
      (path) => (path === "/v1/models" ? openaiList("b") : new Response("", { status: 500 })),
    ],
  ];
  for (const [what, first, answer] of unclear) {
    test(`that comes back with ${what} stays what it was`, async () => {
      const server = serve((path) => {
        if (first === "ollama") return path === "/api/tags" ? ollamaList("a") : notFound();
        if (first === "litellm" && path === "/health/liveness") return new Response('"I\'m alive!"');
        if (path !== "/v1/models") return notFound();
        return first === "vllm" ? vllmList() : openaiList("a");
      });
      const { discovery, registry } = discover([endpointAt("box", server.url, auto)]);
      discovery.start();
      await waitUntil(() => registry.endpoint("box")?.profile.name === first);
      registry.setStatus("box", "offline");
      server.answer = answer;
      registry.setStatus("box", "healthy");
      await discovery.refresh("box");
      await discovery.refreshAll();
      expect(registry.endpoint("box")?.profile.name).toBe(first);
    });
  }

  test("with a list path of the user's own is known by that list", async () => {
    const server = serve((path) => (path === "/lists" ? ollamaList("a") : notFound()));
    const endpoint = endpointAt("box", server.url, {
      ...auto,
      modelsUrl: `${server.url}/lists`,
      hasOwnModelsUrl: true,
    });
    const { discovery, registry } = discover([endpoint]);
    await discovery.refreshAll();
    expect(registry.endpoint("box")?.profile.name).toBe("ollama");
    expect(server.asked).toEqual(["/lists"]);
  });

  test("works with the real registry and the real records", async () => {
    const server = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const built = buildEndpoints([autoConfig("box", server.url)], {
      profiles,
      defaults: { connectMs: 1000, responseHeaderMs: 1000, readMs: 1000 },
      isGlobalTimeoutSet: () => false,
    });
    const registry = new EndpointRegistry(built.endpoints, {
      clock: systemClock,
      logger: createLogRecorder().logger,
    });
    const { discovery, catalog } = buildDiscovery(registry, {}, systemClock, built.withProfile);
    cleanUps.push(() => discovery.stop());
    discovery.start();
    registry.applyProbe("box", {
      startedAt: systemClock.now(),
      latencyMs: 1,
      status: "healthy",
      breakerEvent: "success",
      httpStatus: 200,
      failure: undefined,
      retryAfterMs: undefined,
    });
    await waitUntil(() => catalog.has("a"));
    expect(registry.byName("box")?.endpoint).toMatchObject({
      isAutoDetected: false,
      modelsUrl: `${server.url}/api/tags`,
      profile: { name: "ollama" },
    });
  });
});

function autoConfig(name: string, url: string): EndpointConfig {
  return {
    name,
    url,
    type: "auto",
    priority: 100,
    weight: 1,
    health_check_url: undefined,
    model_url: undefined,
    check_interval: 1000,
    check_timeout: 1000,
    preserve_path: false,
    model_filter: { include: [], exclude: [] },
    headers: {},
    auth: undefined,
    connection_timeout: undefined,
    response_header_timeout: undefined,
    read_timeout: undefined,
    max_concurrent: 0,
    tier: "local",
    daily_tokens: 0,
    tls: { ca: "", server_name: "", insecure_skip_verify: false },
  };
}
