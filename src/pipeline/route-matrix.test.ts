// Route × name × health × strategy: what each combination leads to, as one table per strategy.
import { describe, expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import type { EndpointStatus } from "../endpoints/endpoint-status.ts";
import { createAliasTable } from "../models/alias-table.ts";
import { ModelCatalog } from "../models/catalog.ts";
import { builtinProfiles } from "../profiles/builtin.ts";
import type { Profile } from "../profiles/profile.ts";
import { createPathSupport } from "./path-support.ts";
import { type RouteContext, route } from "./route.ts";
import { createRoutingStrategy, type RoutingStrategySettings } from "./routing-strategy.ts";

const profiles = builtinProfiles();

function kind(name: string): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined) throw new Error(`no profile ${name}`);
  return found;
}

const chat = "/v1/chat/completions";
const routes: Readonly<Record<string, { scope: Profile | "all"; upstreamPath: string }>> = {
  proxy: { scope: "all", upstreamPath: chat },
  openai: { scope: kind("openai-compatible"), upstreamPath: chat },
  ollama: { scope: kind("ollama"), upstreamPath: chat },
  vllm: { scope: kind("vllm"), upstreamPath: chat },
  lmstudio: { scope: kind("lm-studio"), upstreamPath: chat },
  "no such path": { scope: "all", upstreamPath: "/v9/new" },
};

/** In configuration order. `first` is of kind ollama, `second` of kind vllm. */
const models: Readonly<Record<string, readonly string[]>> = {
  first: ["shared", "big", "twin"],
  second: ["shared", "small", "Twin:latest"],
};

const plain = (model: string) => ({ model, endpoint: undefined, weight: undefined, params: {} });
const aliases = createAliasTable({
  pool: ["big", "small"],
  chain: [plain("big"), plain("small")],
  onlybig: ["big"],
  lost: ["ghost"],
  twin: ["small"],
});

type Health = Readonly<Record<string, EndpointStatus>>;
const healths: Readonly<Record<string, { health: Health; isRead: boolean }>> = {
  "all up": { health: { first: "healthy", second: "healthy" }, isRead: true },
  "first down": { health: { first: "offline", second: "healthy" }, isRead: true },
  "all down": { health: { first: "offline", second: "unhealthy" }, isRead: true },
  "never read": { health: { first: "healthy", second: "warming" }, isRead: false },
};

const names = ["shared", "big", "twin", "SHARED", "pool", "chain", "onlybig", "lost", "unknown"] as const;

function catalogWithout(...unread: readonly string[]): ModelCatalog {
  const catalog = new ModelCatalog({ clock: createFakeClock(), staleAfterMs: 1, cleanupIntervalMs: 1 });
  for (const [name, listed] of Object.entries(models)) {
    if (unread.includes(name)) continue;
    catalog.replaceModels(
      name,
      name === "first" ? "ollama" : "vllm",
      listed.map((model) => ({ name: model })),
    );
  }
  return catalog;
}

function contextOf(healthName: string, settings: Partial<RoutingStrategySettings>): RouteContext {
  const { health, isRead } = healths[healthName] ?? { health: {}, isRead: true };
  return {
    endpoints: Object.entries(health).map(([name, status]) => ({
      endpoint: sampleEndpoint({ name, profile: kind(name === "first" ? "ollama" : "vllm") }),
      health: { status },
    })),
    catalog: catalogWithout(...(isRead ? [] : Object.keys(models))),
    aliases,
    pathSupport: createPathSupport(profiles),
    strategy: createRoutingStrategy({
      type: "strict",
      fallback: "compatible_only",
      refreshOnMiss: false,
      ...settings,
    }),
    isModelRoutingOn: true,
  };
}

/** `endpoint=model` for each candidate, by rank, with the decision's reason; else the status and the error's code. */
function outcomeOf(routeName: string, model: string, context: RouteContext): string {
  const where = routes[routeName];
  if (where === undefined) throw new Error(`no route ${routeName}`);
  const routed = route({ model, ...where }, context);
  if ("isRefreshNeeded" in routed) return "refresh";
  const { decision } = routed;
  const reason = decision?.reason.replace(/^alias .* (\d+) endpoint\(s\)$/, "$1");
  const why = decision === undefined ? "" : ` (${decision.strategy === "alias" ? "alias " : ""}${reason})`;
  if ("error" in routed) return `${routed.error.status} ${routed.error.code}${why}`;
  const ranks = Map.groupBy(routed.candidates, ({ rank }) => rank ?? 0);
  const steps = [...ranks.values()].map((candidates) =>
    candidates
      .map(({ endpoint, model: asked, bodyModel }) => `${endpoint.name}=${bodyModel ?? asked}`)
      .join(" "),
  );
  return `${steps.join(" then ")}${why}`;
}

/** `name | proxy | ollama | vllm`, and why. */
const strict: Readonly<Record<string, string>> = {
  "all up": `
    shared  | first=shared second=shared (model_found) | first=shared (model_found) | second=shared (model_found)
    SHARED  | first=shared second=shared (model_found) | first=shared (model_found) | second=shared (model_found)
    big     | first=big (model_found)    | first=big (model_found)  | 404 model_not_found (model_not_found)
    twin    | second=small (alias 1)     | first=twin (model_found) | second=small (alias 1)
    pool    | first=big second=small (alias 2)      | first=big (alias 1) | second=small (alias 1)
    chain   | first=big then second=small (alias 2) | first=big (alias 1) | second=small (alias 1)
    lost    | 404 model_not_found (model_not_found) | 404 model_not_found (model_not_found) | 404 model_not_found (model_not_found)
    unknown | 404 model_not_found (model_not_found) | 404 model_not_found (model_not_found) | 404 model_not_found (model_not_found)`,
  "first down": `
    shared  | second=shared (model_found) | 503 no_healthy_endpoints | second=shared (model_found)
    SHARED  | second=shared (model_found) | 503 no_healthy_endpoints | second=shared (model_found)
    big     | 503 model_unavailable (model_unavailable) | 503 no_healthy_endpoints | 404 model_not_found (model_not_found)
    twin    | second=small (alias 1)      | 503 no_healthy_endpoints | second=small (alias 1)
    pool    | second=small (alias 1)      | 503 no_healthy_endpoints | second=small (alias 1)
    chain   | second=small (alias 1)      | 503 no_healthy_endpoints | second=small (alias 1)
    onlybig | 503 model_unavailable (alias model_unavailable) | 503 no_healthy_endpoints | 404 model_not_found (model_not_found)
    lost    | 404 model_not_found (model_not_found) | 503 no_healthy_endpoints | 404 model_not_found (model_not_found)
    unknown | 404 model_not_found (model_not_found) | 503 no_healthy_endpoints | 404 model_not_found (model_not_found)`,
  "never read": `
    shared  | first=shared second=shared (models_not_read_yet) | first=shared (models_not_read_yet) | second=shared (models_not_read_yet)
    SHARED  | first=SHARED second=SHARED (models_not_read_yet) | first=SHARED (models_not_read_yet) | second=SHARED (models_not_read_yet)
    twin    | first=small second=small (models_not_read_yet)   | first=small (models_not_read_yet)  | second=small (models_not_read_yet)
    pool    | first=big second=big then first=small second=small (models_not_read_yet) | first=big then first=small (models_not_read_yet) | second=big then second=small (models_not_read_yet)
    chain   | first=big second=big then first=small second=small (models_not_read_yet) | first=big then first=small (models_not_read_yet) | second=big then second=small (models_not_read_yet)
    lost    | first=ghost second=ghost (models_not_read_yet)   | first=ghost (models_not_read_yet)  | second=ghost (models_not_read_yet)
    unknown | first=unknown second=unknown (models_not_read_yet) | first=unknown (models_not_read_yet) | second=unknown (models_not_read_yet)`,
};

function rowsOf(table: string): string[][] {
  return table
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
}

describe("strict", () => {
  for (const [health, table] of Object.entries(strict)) {
    for (const [name = "", ...cells] of rowsOf(table)) {
      test(`${health}: ${name}`, () => {
        const context = contextOf(health, {});
        const found = ["proxy", "ollama", "vllm"].map((routeName) => outcomeOf(routeName, name, context));
        expect(found).toEqual(cells);
      });
    }
  }
});

const strategies: readonly Partial<RoutingStrategySettings>[] = [
  {},
  { type: "optimistic", fallback: "all" },
  { type: "optimistic", fallback: "none" },
  { type: "discovery", fallback: "all" },
  { type: "discovery", fallback: "all", refreshOnMiss: true },
];

/** `name | health | optimistic all | optimistic none | discovery | discovery with refresh`, on the proxy route. */
const others = `
  shared  | all up     | first=shared second=shared (model_found) | first=shared second=shared (model_found) | first=shared second=shared (model_found_no_refresh) | first=shared second=shared (model_found_no_refresh)
  chain   | all up     | first=big then second=small (alias 2)    | first=big then second=small (alias 2)    | first=big then second=small (alias 2) | first=big then second=small (alias 2)
  big     | first down | second=big (all_healthy_fallback) | 503 model_unavailable (model_unavailable_no_fallback) | 503 model_unavailable (model_unavailable_no_refresh) | refresh
  onlybig | first down | 503 model_unavailable (alias model_unavailable) | 503 model_unavailable (alias model_unavailable) | 503 model_unavailable (alias model_unavailable) | 503 model_unavailable (alias model_unavailable)
  lost    | all up     | first=ghost second=ghost (model_not_found_fallback)     | 404 model_not_found (model_not_found) | 404 model_not_found (model_not_found) | refresh
  unknown | all up     | first=unknown second=unknown (model_not_found_fallback) | 404 model_not_found (model_not_found) | 404 model_not_found (model_not_found) | refresh
  unknown | all down   | 503 no_healthy_endpoints | 503 no_healthy_endpoints | 503 no_healthy_endpoints | 503 no_healthy_endpoints
  unknown | never read | first=unknown second=unknown (model_not_found_fallback) | first=unknown second=unknown (models_not_read_yet) | first=unknown second=unknown (models_not_read_yet) | refresh`;

describe("the other strategies", () => {
  for (const [name = "", health = "", ...cells] of rowsOf(others)) {
    test(`${health}: ${name}`, () => {
      const found = strategies
        .slice(1)
        .map((settings) => outcomeOf("proxy", name, contextOf(health, settings)));
      expect(found).toEqual(cells);
    });
  }
});

describe("whatever the strategy, the health and the name", () => {
  for (const settings of strategies) {
    const title = JSON.stringify(settings);
    const combinations = Object.keys(healths).flatMap((health) => names.map((name) => ({ health, name })));

    test(`a kind that is not configured is a 404: ${title}`, () => {
      for (const { health, name } of combinations) {
        expect(outcomeOf("lmstudio", name, contextOf(health, settings))).toBe("404 provider_not_configured");
      }
    });

    test(`no alias, no fallback and no path leads out of a route's kind: ${title}`, () => {
      for (const { health, name } of combinations) {
        expect(outcomeOf("ollama", name, contextOf(health, settings))).not.toContain("second=");
        expect(outcomeOf("vllm", name, contextOf(health, settings))).not.toContain("first=");
      }
    });

    test(`an unknown path and OpenAI's route say what the proxy route says: ${title}`, () => {
      for (const { health, name } of combinations) {
        const context = contextOf(health, settings);
        const expected = outcomeOf("proxy", name, context);
        expect(outcomeOf("no such path", name, context)).toBe(expected);
        expect(outcomeOf("openai", name, context)).toBe(expected);
      }
    });
  }

  test("nobody up is a 503", () => {
    for (const settings of strategies) {
      for (const name of names)
        expect(outcomeOf("proxy", name, contextOf("all down", settings))).toBe("503 no_healthy_endpoints");
    }
  });
});

describe("an alias", () => {
  test("whose models nobody has is a 404 that names it, its models and what is near", () => {
    const context = { ...contextOf("all up", {}), aliases: createAliasTable({ typo: ["smal", "bigg"] }) };
    const routed = route({ model: "typo", scope: "all", upstreamPath: chat }, context);
    expect("error" in routed && routed.error.message).toBe(
      'model "typo" not found: no endpoint has any of the models that this alias stands for ("smal", "bigg"); nearest: "small", "big"',
    );
  });

  test("asks an endpoint that is named in it and lists nothing, beside those that are known to have the model", () => {
    const item = { model: "cloudy", endpoint: "first", weight: undefined, params: {} };
    const context = { ...contextOf("all up", {}), catalog: catalogWithout("first") };
    const chain = createAliasTable({ chain: [plain("small"), item], bound: [item] });
    expect(outcomeOf("proxy", "chain", { ...context, aliases: chain })).toBe(
      "second=small then first=cloudy (alias 2)",
    );
    expect(outcomeOf("vllm", "bound", { ...context, aliases: chain })).toBe(
      "404 model_not_found (model_not_found)",
    );
  });

  test("carries the params and the share of what it chose", () => {
    const weighted = (model: string, weight: number) => ({
      ...plain(model),
      weight,
      params: { temperature: weight },
    });
    const split = createAliasTable({ split: [weighted("shared", 3), weighted("big", 1)] });
    const routed = route(
      { model: "SPLIT", scope: "all", upstreamPath: chat },
      { ...contextOf("all up", {}), aliases: split },
    );
    expect("candidates" in routed && routed.candidates).toMatchObject([
      {
        endpoint: { name: "first" },
        model: "shared",
        bodyDefaults: { temperature: 3 },
        share: { weight: 3 },
      },
      { endpoint: { name: "first" }, model: "big", bodyDefaults: { temperature: 1 }, share: { weight: 1 } },
      { endpoint: { name: "second" }, model: "shared", share: { weight: 3 } },
    ]);
  });
});
