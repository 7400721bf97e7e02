import { describe, expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { type EndpointStatus, endpointStatuses } from "../endpoints/endpoint-status.ts";
import { nearestNames } from "../lib/nearest.ts";
import { noAliases } from "../models/alias.ts";
import { builtinProfiles } from "../profiles/builtin.ts";
import type { Profile } from "../profiles/profile.ts";
import { createPathSupport } from "./path-support.ts";
import type { EndpointInView } from "./prospect.ts";
import { type CatalogView, type RouteRequest, route } from "./route.ts";
import { createRoutingStrategy } from "./routing-strategy.ts";

const strict = createRoutingStrategy({ type: "strict", fallback: "compatible_only", refreshOnMiss: false });

const profiles = builtinProfiles();
const chatPath = "/v1/chat/completions";

function kind(name: string): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined) throw new Error(`no profile ${name}`);
  return found;
}

interface Place {
  readonly name: string;
  readonly kind?: string;
  readonly status?: EndpointStatus;
  /** Undefined: its list was never read. */
  readonly models?: readonly string[] | undefined;
  readonly isAutoDetected?: boolean;
  readonly admitsModel?: (model: string) => boolean;
}

function inView({ name, kind: kindName, status, isAutoDetected, admitsModel }: Place): EndpointInView {
  const profile = kind(kindName ?? "ollama");
  return {
    endpoint: sampleEndpoint({
      name,
      profile,
      isAutoDetected: isAutoDetected ?? false,
      ...(admitsModel && { admitsModel }),
    }),
    health: { status: status ?? "healthy" },
  };
}

function catalogOf(places: readonly Place[]): CatalogView {
  return {
    placesOf: (name) =>
      places.flatMap(({ name: endpointName, models }) => {
        const native = models?.find((model) => model.toLowerCase() === name.toLowerCase());
        return native === undefined ? [] : { endpointName, model: { name: native } };
      }),
    traitsAt: () => undefined,
    nearest: (name, limit) =>
      nearestNames(
        name,
        places.flatMap(({ models }) => models ?? []),
        limit,
      ),
    lastUpdatedAt: (name) =>
      places.find((place) => place.name === name)?.models === undefined ? undefined : 1,
  };
}

function routeAmong(places: readonly Place[], request: Partial<RouteRequest> = {}, isModelRoutingOn = true) {
  return route(
    { model: "llama3", scope: "all", upstreamPath: chatPath, ...request },
    {
      endpoints: places.map(inView),
      catalog: catalogOf(places),
      aliases: noAliases,
      pathSupport: createPathSupport(profiles),
      strategy: strict,
      isModelRoutingOn,
    },
  );
}

function candidatesOf(routed: ReturnType<typeof route>): string[] {
  if ("error" in routed) throw routed.error;
  if ("isRefreshNeeded" in routed) throw new Error("it asks for a refresh");
  return routed.candidates.map(({ endpoint }) => endpoint.name);
}

function errorOf(routed: ReturnType<typeof route>) {
  if ("error" in routed) return routed.error;
  throw new Error("it was routed");
}

describe("by model", () => {
  test("the endpoints that have it, in configuration order", () => {
    const routed = routeAmong([
      { name: "z", models: ["llama3"] },
      { name: "m", models: ["qwen"] },
      { name: "a", models: ["llama3", "qwen"] },
    ]);
    expect(candidatesOf(routed)).toEqual(["z", "a"]);
    expect(routed.decision).toEqual({ strategy: "strict", action: "routed", reason: "model_found" });
  });

  test("case does not matter; the endpoint finds its own spelling, because some compare exactly", () => {
    const routed = routeAmong([{ name: "a", models: ["llama3"] }], { model: "LLaMA3" });
    expect(routed).toMatchObject({
      candidates: [{ model: "LLaMA3", bodyModel: "llama3", status: "healthy" }],
    });
  });

  test("the very spelling of the endpoint stays as it is", () => {
    const routed = routeAmong([{ name: "a", models: ["llama3"] }]);
    expect(routed).toMatchObject({ candidates: [{ model: "llama3" }] });
    expect(routed).not.toHaveProperty("candidates.0.bodyModel");
  });

  test("an endpoint whose model filter leaves the name out is not asked for it, discovered or not", () => {
    const admitsModel = (name: string) => name !== "llama3";
    const closed: Place = { name: "closed", admitsModel };
    expect(errorOf(routeAmong([closed])).code).toBe("model_not_found");
    expect(errorOf(routeAmong([closed], {}, false)).code).toBe("model_not_found");
    expect(candidatesOf(routeAmong([closed, { name: "open" }]))).toEqual(["open"]);
    expect(candidatesOf(routeAmong([closed, { name: "open" }], {}, false))).toEqual(["open"]);
    expect(candidatesOf(routeAmong([closed], { model: "other" }, false))).toEqual(["closed"]);
  });

  test("a request that names none may go anywhere, and no decision is told", () => {
    const routed = routeAmong([{ name: "a", models: [] }, { name: "b" }], { model: undefined });
    expect(candidatesOf(routed)).toEqual(["a", "b"]);
    expect(routed).toMatchObject({ candidates: [{ model: undefined }, { model: undefined }] });
    expect(routed.decision).toBeUndefined();
  });

  test("with discovery off names restrict nothing", () => {
    const routed = routeAmong([{ name: "a" }, { name: "b", models: ["other"] }], {}, false);
    expect(candidatesOf(routed)).toEqual(["a", "b"]);
    expect(routed).toMatchObject({ candidates: [{ model: "llama3" }, { model: "llama3" }] });
    expect(routed.decision).toBeUndefined();
  });

  test("nobody has it: 404 that names it and the nearest", () => {
    const routed = routeAmong([{ name: "a", models: ["llama3.1", "llama3.2", "nomic"] }], {
      model: "Llama3.3",
    });
    expect(errorOf(routed)).toMatchObject({ code: "model_not_found", status: 404, field: "model" });
    expect(errorOf(routed).message).toBe(
      'model "Llama3.3" not found: no endpoint has it; nearest: "llama3.1", "llama3.2"',
    );
    expect(routed.decision).toEqual({ strategy: "strict", action: "rejected", reason: "model_not_found" });
  });

  test("no more than three are suggested, and none when nothing is near", () => {
    const models = ["m1", "m2", "m3", "m4", "m5"];
    expect(errorOf(routeAmong([{ name: "a", models }], { model: "m6" })).message).toEndWith(
      '"m1", "m2", "m3"',
    );
    expect(errorOf(routeAmong([{ name: "a", models: ["zzzzzz"] }])).message).toBe(
      'model "llama3" not found: no endpoint has it',
    );
  });

  test("a route of one kind suggests what that kind has, not what would be a 404 there again", () => {
    const places = [
      { name: "a", models: ["llama3.1"] },
      { name: "b", kind: "vllm", models: ["llama3.2", "llama3.4", "llama3.5", "llama3.6"] },
    ];
    const routed = routeAmong(places, { model: "llama3.3", scope: kind("ollama") });
    expect(errorOf(routed).message).toEndWith('nearest: "llama3.1"');
  });

  test("a name of any length is not repeated whole", () => {
    const message = errorOf(routeAmong([{ name: "a", models: [] }], { model: "x".repeat(16_000) })).message;
    expect(message.length).toBeLessThan(300);
  });

  test("only where nothing can be sent: 503", () => {
    const routed = routeAmong([
      { name: "a", models: ["llama3"], status: "offline" },
      { name: "b", models: ["qwen"] },
    ]);
    expect(errorOf(routed)).toMatchObject({ code: "model_unavailable", status: 503 });
    expect(routed.decision?.reason).toBe("model_unavailable");
  });

  test("an endpoint whose list was never read is asked before giving up, but not before those that have it", () => {
    const unread = { name: "new", models: undefined };
    expect(candidatesOf(routeAmong([unread, { name: "a", models: ["llama3"] }]))).toEqual(["a"]);
    const routed = routeAmong([unread, { name: "a", models: ["qwen"] }]);
    expect(candidatesOf(routed)).toEqual(["new"]);
    expect(routed.decision).toEqual({
      strategy: "strict",
      action: "fallback",
      reason: "models_not_read_yet",
    });
  });

  test("a never read endpoint that is down makes no difference to the verdict", () => {
    const routed = routeAmong([
      { name: "a", models: ["qwen"] },
      { name: "new", status: "offline" },
    ]);
    expect(errorOf(routed).code).toBe("model_not_found");
  });
});

describe("by health", () => {
  for (const status of endpointStatuses) {
    const isUsable = ["healthy", "busy", "warming"].includes(status);
    test(`${status} is ${isUsable ? "" : "not "}a candidate`, () => {
      const routed = routeAmong([{ name: "a", models: ["llama3"], status }]);
      if (isUsable) expect(routed).toMatchObject({ candidates: [{ status }] });
      else expect(errorOf(routed)).toMatchObject({ code: "no_healthy_endpoints", status: 503 });
    });
  }

  test("nobody healthy is said before anything about models", () => {
    const routed = routeAmong([{ name: "a", models: ["qwen"], status: "offline" }]);
    expect(errorOf(routed).message).toContain("no healthy endpoints available");
    expect(routed.decision).toBeUndefined();
  });

  test("no endpoint configured at all is nobody healthy", () => {
    expect(errorOf(routeAmong([])).code).toBe("no_healthy_endpoints");
  });
});

describe("by the route's kind", () => {
  const mixed: readonly Place[] = [
    { name: "ollama-1", kind: "ollama", models: ["llama3"] },
    { name: "vllm-1", kind: "vllm", models: ["llama3", "only-vllm"] },
    { name: "openai-1", kind: "openai-compatible", models: ["llama3"] },
  ];

  test("is a hard boundary", () => {
    expect(candidatesOf(routeAmong(mixed, { scope: kind("vllm") }))).toEqual(["vllm-1"]);
  });

  test("OpenAI's admits every compatible kind", () => {
    const places = [...mixed, { name: "own", kind: "lm-studio", models: ["llama3"] }];
    const incompatible = { ...kind("ollama"), name: "native", openaiCompatible: false };
    const routed = route(
      { model: "llama3", scope: kind("openai-compatible"), upstreamPath: chatPath },
      {
        endpoints: [
          ...places.map(inView),
          { endpoint: sampleEndpoint({ name: "no", profile: incompatible }), health: { status: "healthy" } },
        ],
        catalog: catalogOf([...places, { name: "no", models: ["llama3"] }]),
        aliases: noAliases,
        pathSupport: createPathSupport(profiles),
        strategy: strict,
        isModelRoutingOn: true,
      },
    );
    expect(candidatesOf(routed)).toEqual(["ollama-1", "vllm-1", "openai-1", "own"]);
  });

  test("without an endpoint of it: 404, whoever else is there", () => {
    const routed = routeAmong(mixed, { scope: kind("lm-studio") });
    expect(errorOf(routed)).toMatchObject({ code: "provider_not_configured", status: 404 });
    expect(errorOf(routed).message).toContain("LM Studio");
  });

  test("configured but down: 503", () => {
    const places: readonly Place[] = [...mixed, { name: "lm", kind: "lm-studio", status: "unhealthy" }];
    expect(errorOf(routeAmong(places, { scope: kind("lm-studio") })).code).toBe("no_healthy_endpoints");
  });

  test("a model that only other kinds have is not found there", () => {
    const routed = routeAmong(mixed, { scope: kind("ollama"), model: "only-vllm" });
    expect(errorOf(routed).code).toBe("model_not_found");
    expect(errorOf(routed).message).toBe('model "only-vllm" not found: no Ollama endpoint has it');
  });

  test("the path does not narrow a route that has chosen its kind", () => {
    const routed = routeAmong(mixed, { scope: kind("vllm"), upstreamPath: "/api/chat" });
    expect(candidatesOf(routed)).toEqual(["vllm-1"]);
  });
});

describe("the tag that clients of Ollama add to every name", () => {
  const places: readonly Place[] = [
    { name: "vllm-1", kind: "vllm", models: ["org/tiny"] },
    { name: "ollama-1", models: ["llama3:latest", "llama3"] },
  ];
  const ask = (model: string, upstreamPath = "/api/chat") => routeAmong(places, { model, upstreamPath });

  test("is left away where only the bare name is known", () => {
    const routed = ask("org/tiny:latest");
    expect(candidatesOf(routed)).toEqual(["vllm-1"]);
    expect("candidates" in routed && routed.candidates[0].bodyModel).toBe("org/tiny");
    expect(candidatesOf(ask("llama3:latest"))).toEqual(["ollama-1"]);
  });

  test("is part of the name in any other API, and any other tag in all of them", () => {
    expect(errorOf(ask("org/tiny:latest", chatPath)).code).toBe("model_not_found");
    expect(errorOf(ask("org/tiny:8b")).message).toContain("org/tiny:8b");
    expect(errorOf(ask("org/none:latest")).message).toContain("org/none:latest");
  });
});

describe("by path", () => {
  const both: readonly Place[] = [
    { name: "vllm-1", kind: "vllm", models: ["llama3", "only-vllm"] },
    { name: "ollama-1", kind: "ollama", models: ["llama3"] },
  ];

  test("kinds that answer it are preferred", () => {
    expect(candidatesOf(routeAmong(both, { upstreamPath: "/api/chat" }))).toEqual(["ollama-1"]);
    expect(candidatesOf(routeAmong(both, { upstreamPath: "/api/chat", model: undefined }))).toEqual([
      "ollama-1",
    ]);
  });

  test("an unknown path leaves all", () => {
    expect(candidatesOf(routeAmong(both, { upstreamPath: "/v9/new" }))).toEqual(["vllm-1", "ollama-1"]);
  });

  test("having the model counts for more than listing the path", () => {
    expect(candidatesOf(routeAmong(both, { upstreamPath: "/api/chat", model: "only-vllm" }))).toEqual([
      "vllm-1",
    ]);
  });

  test("when nobody of such a kind is up the others are asked", () => {
    const places: readonly Place[] = [
      { name: "vllm-1", kind: "vllm", models: ["llama3"] },
      { name: "ollama-1", models: ["llama3"], status: "offline" },
    ];
    expect(candidatesOf(routeAmong(places, { upstreamPath: "/api/chat" }))).toEqual(["vllm-1"]);
  });

  test("an endpoint whose kind is not known yet is never narrowed away", () => {
    const places: readonly Place[] = [
      ...both,
      { name: "auto", kind: "openai-compatible", models: ["llama3"], isAutoDetected: true },
    ];
    expect(candidatesOf(routeAmong(places, { upstreamPath: "/api/chat" }))).toEqual(["ollama-1", "auto"]);
  });
});
