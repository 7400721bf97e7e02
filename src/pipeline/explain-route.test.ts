import { expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import type { EndpointHealth } from "../endpoints/endpoint-health.ts";
import { OllaError } from "../errors.ts";
import { noAliases } from "../models/alias.ts";
import { createAliasTable } from "../models/alias-table.ts";
import { builtinProfiles } from "../profiles/builtin.ts";
import { explainRoute } from "./explain-route.ts";
import { createPathSupport } from "./path-support.ts";
import type { EndpointInView } from "./prospect.ts";
import { type RouteContext, type RouteRequest, route } from "./route.ts";
import { createRoutingStrategy } from "./routing-strategy.ts";
import { type Barrier, routeWithin } from "./tiers.ts";

const profiles = builtinProfiles();

interface Place {
  readonly name: string;
  readonly kind?: string;
  readonly status?: EndpointHealth["status"];
  readonly models?: readonly string[];
  readonly isDraining?: boolean;
  readonly isCloud?: boolean;
  readonly isWithoutTools?: boolean;
  readonly admitsModel?: (model: string) => boolean;
}

function viewOf({ name, kind = "ollama", status = "healthy", isDraining, isCloud, admitsModel }: Place) {
  const profile = profiles.find((each) => each.name === kind);
  if (profile === undefined) throw new Error(`no profile ${kind}`);
  const endpoint = sampleEndpoint({ name, profile, isCloud, ...(admitsModel && { admitsModel }) });
  return { endpoint, health: { status }, isDraining } satisfies EndpointInView;
}

/** Decides as the app does, and explains. @returns `name: reason`, or `name: -> model (rank)` for a candidate */
function explain(
  places: readonly Place[],
  asked: Partial<RouteRequest> = {},
  more: { readonly barrier?: Barrier; readonly aliases?: RouteContext["aliases"] } = {},
): string[] {
  const request: RouteRequest = {
    model: "llama3",
    scope: "all",
    upstreamPath: "/v1/chat/completions",
    ...asked,
  };
  const context: RouteContext = {
    endpoints: places.map(viewOf),
    catalog: {
      placesOf: (model) =>
        places.flatMap(({ name, models = ["llama3"] }) =>
          models.includes(model) ? [{ endpointName: name, model: { name: model } }] : [],
        ),
      traitsAt: (name) => {
        const isUnable = places.find((place) => place.name === name)?.isWithoutTools === true;
        return { skills: { tools: isUnable ? "no" : "yes", embeddings: "unknown", vision: "unknown" } };
      },
      nearest: () => [],
      lastUpdatedAt: () => 1,
    },
    aliases: more.aliases ?? noAliases,
    pathSupport: createPathSupport(profiles),
    strategy: createRoutingStrategy({ type: "strict", fallback: "compatible_only", refreshOnMiss: false }),
    isModelRoutingOn: true,
  };
  const { barrier } = more;
  const decide = (endpoints: readonly EndpointInView[]) => route(request, { ...context, endpoints });
  const routed =
    barrier === undefined ? decide(context.endpoints) : routeWithin(context.endpoints, barrier, decide);
  const candidates = "candidates" in routed ? routed.candidates : [];
  return explainRoute({ request, context, candidates, barrier }).map(
    ({ endpoint, model, skipped, rank }) => `${endpoint}: ${skipped ?? `-> ${model} (${rank})`}`,
  );
}

const ollamaKind = profiles.find(({ name }) => name === "ollama") ?? ("all" as const);

test("every endpoint has its word: candidates first, then the others with the first reason that routing meets", () => {
  const lines = explain([
    { name: "gone", status: "offline" },
    { name: "good" },
    { name: "drained", isDraining: true },
    { name: "without", models: ["qwen"] },
    { name: "filtered", models: [], admitsModel: () => false },
  ]);
  expect(lines).toEqual([
    "good: -> llama3 (0)",
    "gone: not_healthy",
    "drained: draining",
    "without: model_missing",
    "filtered: model_filtered",
  ]);
});

test("a route of one kind leaves the others outside", () => {
  expect(explain([{ name: "one" }, { name: "other", kind: "vllm" }], { scope: ollamaKind })).toEqual([
    "one: -> llama3 (0)",
    "other: outside_route",
  ]);
});

test("what a model is known not to be able to do, and a path that the kind has not", () => {
  const needs = { tools: true, embeddings: false, vision: () => false };
  expect(explain([{ name: "able" }, { name: "unable", isWithoutTools: true }], { needs })).toEqual([
    "able: -> llama3 (0)",
    "unable: lacks_capability",
  ]);
  const paths = explain([{ name: "own" }, { name: "other", kind: "vllm" }], {
    upstreamPath: "/api/generate",
  });
  expect(paths).toEqual(["own: -> llama3 (0)", "other: lacks_path"]);
});

test("what bars an endpoint is told by its kind", () => {
  const barrier: Barrier = ({ name, isCloud }) => {
    if (isCloud === true) return new OllaError("no_local_endpoint", "");
    return name === "spent" ? new OllaError("daily_tokens_spent", "") : undefined;
  };
  const lines = explain(
    [{ name: "home" }, { name: "cloud", isCloud: true }, { name: "spent" }],
    {},
    { barrier },
  );
  expect(lines).toEqual(["home: -> llama3 (0)", "cloud: cloud_barred", "spent: daily_tokens_spent"]);
});

test("an alias: its candidates by rank and under the model that each is asked for", () => {
  const aliases = createAliasTable({ fast: ["small", "large"] });
  const lines = explain(
    [
      { name: "a", models: ["large"] },
      { name: "b", models: ["small"] },
      { name: "c", models: ["qwen"] },
    ],
    { model: "fast" },
    { aliases },
  );
  expect(lines.sort()).toEqual(["a: -> large (0)", "b: -> small (0)", "c: model_missing"]);
});

test("a rejection has no candidates, and every endpoint its reason", () => {
  expect(
    explain([
      { name: "a", status: "unhealthy" },
      { name: "b", isDraining: true },
    ]),
  ).toEqual(["a: not_healthy", "b: draining"]);
});
