import type { MetricScalar } from "../profiles/metric-expression.ts";
import type { ProviderMetrics } from "./usage.ts";

type RecordField = keyof ProviderMetrics;
type Kind = "text" | "count" | "amount" | "nanoseconds" | "truth";

interface Target {
  readonly kind: Kind;
  readonly fields: readonly RecordField[];
}

const to = (kind: Kind, ...fields: RecordField[]): Target => ({ kind, fields });

/** What the names of a profile's paths, headers and calculations mean. Others are variables for calculations only. */
const targets: ReadonlyMap<string, Target> = new Map([
  ["model", to("text", "model")],
  ["finish_reason", to("text", "finish_reason")],
  ["input_tokens", to("count", "input_tokens")],
  ["output_tokens", to("count", "output_tokens")],
  ["total_tokens", to("count", "total_tokens")],
  ["cached_tokens", to("count", "cached_tokens")],
  ["cache_creation_tokens", to("count", "cache_creation_tokens")],
  ["reasoning_tokens", to("count", "reasoning_tokens")],
  ["is_complete", to("truth", "is_complete")],
  ["done", to("truth", "is_complete")],
  ["prompt_duration_ns", to("nanoseconds", "prompt_ms", "ttft_ms")],
  ["prompt_eval_duration", to("nanoseconds", "prompt_ms", "ttft_ms")],
  ["eval_duration_ns", to("nanoseconds", "generation_ms")],
  ["eval_duration", to("nanoseconds", "generation_ms")],
  ["total_duration_ns", to("nanoseconds", "total_ms")],
  ["load_duration_ns", to("nanoseconds", "model_load_ms")],
  ["ttft_ms", to("amount", "ttft_ms")],
  ["total_ms", to("amount", "total_ms")],
  ["total_time_ms", to("amount", "total_ms")],
  ["model_load_ms", to("amount", "model_load_ms")],
  ["prompt_ms", to("amount", "prompt_ms")],
  ["prompt_processing_ms", to("amount", "prompt_ms")],
  ["generation_ms", to("amount", "generation_ms")],
  ["generation_time_ms", to("amount", "generation_ms")],
  ["processing_time_ms", to("amount", "generation_ms")],
  ["tokens_per_second", to("amount", "tokens_per_sec")],
  ["tokens_per_sec", to("amount", "tokens_per_sec")],
]);

/** What a profile's metrics can name; every other name is a variable. */
export const figureNames: readonly string[] = [...targets.keys()];

const commonFields: readonly RecordField[] = ["model", "finish_reason", "input_tokens", "output_tokens"];

const largestCount = 2 ** 31 - 1;
const nanosecondsPerMillisecond = 1_000_000;
const longestText = 256;

/** Values by whatever names a profile or a dialect gives them; without a prototype, so that every name is one. */
export type Figures = Record<string, MetricScalar>;

/** Collects one answer's figures. Nothing, nonsense and values of the wrong kind are not taken. */
export class MetricsRecord {
  readonly #values: { [Name in RecordField]?: MetricScalar } = {};

  /** Replaces what is known. */
  set(field: string, value: MetricScalar): void {
    const target = targets.get(field);
    if (target === undefined) return;
    const converted = convert(target.kind, value);
    if (converted === undefined) return;
    for (const each of target.fields) this.#values[each] = converted;
  }

  addAll(values: Figures): void {
    for (const field in values) this.set(field, values[field] ?? null);
  }

  /** Takes only what is not known yet. */
  fillIn(values: Figures): void {
    for (const field in values) this.fill(field, values[field] ?? null);
  }

  /** The same for one. */
  fill(field: string, value: MetricScalar): void {
    const target = targets.get(field);
    if (target === undefined || target.fields.some((each) => this.#values[each] !== undefined)) return;
    this.set(field, value);
  }

  /** Whether everything is known that answers have in common. */
  hasFigures(): boolean {
    return commonFields.every((field) => this.#values[field] !== undefined);
  }

  completeTotal(): void {
    const input = this.#number("input_tokens");
    const output = this.#number("output_tokens");
    const isMissing = this.#values.total_tokens === undefined;
    if (isMissing && input > 0 && output > 0) this.set("total_tokens", input + output);
  }

  get(field: string): MetricScalar | undefined {
    return targets.has(field) ? this.#values[field as RecordField] : undefined;
  }

  /** @returns undefined when nothing is known but, perhaps, what was measured here */
  finish(measuredTtftMs: number | undefined): ProviderMetrics | undefined {
    if (isEmpty(this.#values)) return undefined;
    const generationMs = this.#number("generation_ms");
    const output = this.#number("output_tokens");
    const hasSpeed = this.#values.tokens_per_sec !== undefined;
    if (!hasSpeed && output > 0 && generationMs > 0) {
      this.set("tokens_per_sec", (output * 1000) / generationMs);
    }
    if (this.#values.ttft_ms === undefined && measuredTtftMs !== undefined)
      this.set("ttft_ms", measuredTtftMs);
    // `set` has given each field the kind that its type says.
    return this.#values as ProviderMetrics;
  }

  #number(field: RecordField): number {
    const value = this.#values[field];
    return typeof value === "number" ? value : 0;
  }
}

function isEmpty(values: object): boolean {
  for (const _field in values) return false;
  return true;
}

function convert(kind: Kind, value: MetricScalar): MetricScalar | undefined {
  switch (kind) {
    case "text":
      return typeof value === "string" && value !== "" ? value.slice(0, longestText) : undefined;
    case "truth":
      return value === true ? true : undefined;
    case "count":
      return positive(value, (amount) => Math.min(largestCount, Math.trunc(amount)));
    case "nanoseconds":
      return positive(value, (amount) => amount / nanosecondsPerMillisecond);
    case "amount":
      return positive(value, (amount) => amount);
  }
}

function positive(value: MetricScalar, convertAmount: (amount: number) => number): number | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const amount = convertAmount(value);
  return amount > 0 ? amount : undefined;
}
