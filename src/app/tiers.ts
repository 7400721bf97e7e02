import { modelAskedFor } from "../balancer/warm-first.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { OllaError } from "../errors.ts";
import { type DailyTokens, guessTokens } from "../observe/daily-tokens.ts";
import type { Outcome } from "../observe/outcome.ts";
import { type ContextOf, isLongerThan } from "../pipeline/context-fit.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Inspection } from "../pipeline/inspect.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import type { EndpointInView } from "../pipeline/prospect.ts";
import type { Rejection, Route } from "../pipeline/route.ts";
import { arrangeTiers, type Barrier, barCloud, findLocalOnly, routeWithin } from "../pipeline/tiers.ts";
import { tokensOf } from "../server/guard/tokens-used.ts";
import type { KeptParts } from "./kept-parts.ts";
import type { AppSettings } from "./options.ts";

type Routed = ReturnType<PipelineContext["route"]>;

/** Which endpoints a request may reach, and what of their tokens is left. */
export interface Tiers extends Pick<PipelineContext, "contextOf" | "countsTokensAt"> {
  /** What keeps the request from endpoints; undefined where nothing does. */
  barrierFor(exchange: Exchange): Barrier | undefined;
  /** Decides among those that the request may reach now. */
  routeWithin(exchange: Exchange, decide: (endpoints: readonly EndpointInView[]) => Routed): Routed;
  /** Whether `arrange` may come to something else for the same candidates, because of what a body says. */
  readonly looksAtBodies: boolean;
  /** Local candidates before others. */
  arrange(routed: Routed, inspection: Inspection): Routed;
  /** Counts what the answer has cost. */
  note(outcome: Outcome): void;
}

export function createTiers({ config }: AppSettings, { fleet, dailyTokens }: KeptParts): Tiers {
  const { registry, catalog } = fleet;
  const configured = config.discovery.static.endpoints ?? [];
  const hasCloud = configured.some(({ tier }) => tier === "cloud");
  const daily = configured.some(({ daily_tokens }) => daily_tokens > 0) ? dailyTokens : undefined;
  const contextOf: ContextOf = (candidate) => {
    const model = modelAskedFor(candidate);
    const places = model === undefined ? [] : catalog.placesOf(model);
    const place = places.find(({ endpointName }) => endpointName === candidate.endpoint.name);
    return place?.model.maxContextLength;
  };
  const barrierFor = (exchange: Exchange): Barrier | undefined => {
    const cause = findLocalOnly(exchange);
    const isLocalOnly = cause !== undefined && hasCloud;
    if (!isLocalOnly && daily === undefined) return undefined;
    const barred = isLocalOnly ? barCloud(cause) : () => undefined;
    return (endpoint) => barred(endpoint) ?? (daily && barSpent(daily, endpoint));
  };
  return {
    barrierFor,
    looksAtBodies: hasCloud,
    contextOf,
    countsTokensAt: (candidates) =>
      daily !== undefined && candidates.some(({ endpoint }) => daily.limitOf(endpoint.name) > 0),
    routeWithin(exchange, decide) {
      const endpoints = registry.snapshot();
      const barrier = barrierFor(exchange);
      return barrier === undefined ? decide(endpoints) : routeWithin(endpoints, barrier, decide);
    },
    arrange(routed, inspection) {
      if (!hasCloud || !isRoute(routed)) return routed;
      const candidates = arrangeTiers(routed.candidates, isLongerThan(inspection), contextOf);
      return candidates === routed.candidates ? routed : { ...routed, candidates };
    },
    note(outcome) {
      const { endpoint } = outcome;
      if (endpoint === undefined || daily === undefined || daily.limitOf(endpoint) === 0) return;
      daily.note(endpoint, tokensOf(outcome) || guessTokens(outcome));
    },
  };
}

function barSpent(daily: DailyTokens, { name }: Endpoint): OllaError | undefined {
  if (!daily.isSpent(name)) return undefined;
  return new OllaError(
    "daily_tokens_spent",
    `Endpoint "${name}" has used up its ${daily.limitOf(name)} tokens for today (daily_tokens), and no other can answer`,
    { retryAfterSeconds: daily.secondsLeft() },
  );
}

function isRoute(
  routed: Routed,
): routed is Exclude<Routed, Rejection | { readonly isRefreshNeeded: true }> & Route {
  return "candidates" in routed;
}
