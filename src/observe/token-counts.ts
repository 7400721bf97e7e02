import type { ProviderMetrics } from "./usage.ts";

/** What answers have said about their tokens. */
export interface TokenTotals {
  /** Answers that said something; what others took is not in here. */
  readonly requests: number;
  readonly input: number;
  readonly output: number;
  /** Part of `input`. */
  readonly cached: number;
  /** Part of `output`: thought, and not said. */
  readonly reasoning: number;
}

export interface TokensAtPlace extends TokenTotals {
  readonly endpoint: string;
  /** Undefined for what was asked for without a name, or by one too many. */
  readonly model: string | undefined;
}

/** A client may ask for any name, so neither their number nor their length is without end. */
const maxModels = 5_000;
const maxNameLength = 256;

/** Adds up tokens by endpoint and by model at an endpoint, from process start. Both go with the endpoint. */
export class TokenCounts {
  #all = noTokens;
  readonly #byEndpoint = new Map<string, EndpointTokens>();
  #modelCount = 0;

  /**
   * @param endpoint undefined for one that is gone, which counts in total only
   * @param model as the endpoint was asked for it
   */
  add(endpoint: string | undefined, model: string | undefined, usage: ProviderMetrics): void {
    if (usage.input_tokens === undefined && usage.output_tokens === undefined) return;
    this.#all = plus(this.#all, usage);
    if (endpoint === undefined) return;
    const known = this.#byEndpoint.get(endpoint) ?? { all: noTokens, byModel: new Map() };
    known.all = plus(known.all, usage);
    this.#byEndpoint.set(endpoint, known);
    if (model === undefined || model.length > maxNameLength) return;
    const before = known.byModel.get(model);
    if (before === undefined && this.#modelCount >= maxModels) return;
    if (before === undefined) this.#modelCount += 1;
    known.byModel.set(model, plus(before ?? noTokens, usage));
  }

  retainEndpoints(names: ReadonlySet<string>): void {
    for (const [name, { byModel }] of this.#byEndpoint) {
      if (names.has(name)) continue;
      this.#modelCount -= byModel.size;
      this.#byEndpoint.delete(name);
    }
  }

  totals(): TokenTotals {
    return this.#all;
  }

  endpoint(name: string): TokenTotals {
    return this.#byEndpoint.get(name)?.all ?? noTokens;
  }

  /** What each endpoint's answers have said, apart by model; together they are all that its answers have said. */
  list(): readonly TokensAtPlace[] {
    return [...this.#byEndpoint].flatMap(([endpoint, { all, byModel }]) => {
      const known = [...byModel].map(([model, totals]) => ({ endpoint, model, ...totals }));
      const rest = { endpoint, model: undefined, ...known.reduce<TokenTotals>(minus, all) };
      return rest.requests === 0 ? known : [...known, rest];
    });
  }

  model(endpoint: string, model: string): TokenTotals {
    return this.#byEndpoint.get(endpoint)?.byModel.get(model) ?? noTokens;
  }
}

interface EndpointTokens {
  all: TokenTotals;
  readonly byModel: Map<string, TokenTotals>;
}

export const noTokens: TokenTotals = Object.freeze({
  requests: 0,
  input: 0,
  output: 0,
  cached: 0,
  reasoning: 0,
});

function minus(totals: TokenTotals, part: TokenTotals): TokenTotals {
  return {
    requests: totals.requests - part.requests,
    input: totals.input - part.input,
    output: totals.output - part.output,
    cached: totals.cached - part.cached,
    reasoning: totals.reasoning - part.reasoning,
  };
}

function plus(totals: TokenTotals, usage: ProviderMetrics): TokenTotals {
  return {
    requests: totals.requests + 1,
    input: totals.input + (usage.input_tokens ?? 0),
    output: totals.output + (usage.output_tokens ?? 0),
    cached: totals.cached + (usage.cached_tokens ?? 0),
    reasoning: totals.reasoning + (usage.reasoning_tokens ?? 0),
  };
}
