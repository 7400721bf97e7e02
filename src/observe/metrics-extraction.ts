import type { MetricScalar } from "../profiles/metric-expression.ts";
import { readMetricPath } from "../profiles/metric-path.ts";
import type { MetricsExtraction } from "../profiles/metrics-block.ts";
import type { Profile } from "../profiles/profile.ts";
import type { BodyTail, KeptBody } from "../proxy/body-tail.ts";
import type { StreamFraming } from "../proxy/stream-kind.ts";
import { type DialectFigures, readDetails, readDialect } from "./metrics-dialects.ts";
import { type JsonObject, readLastDocuments } from "./metrics-documents.ts";
import { type Figures, MetricsRecord } from "./metrics-record.ts";
import type { ProviderMetrics } from "./usage.ts";

/** An answer that has ended: its body as it came from the endpoint, whole or the end of it, and what was measured. */
export type EndedAnswer = ({ readonly tail: BodyTail } | { readonly body: Uint8Array }) & {
  /** Undefined for a body that is one document. */
  readonly framing: StreamFraming | undefined;
  /** As the endpoint sent them. */
  readonly headers: Headers;
  /** In milliseconds; `ttftMs` is undefined for what is no stream. */
  readonly measured: { readonly totalMs: number; readonly ttftMs: number | undefined };
};

/** Of a body that is at hand as a whole, this much of its end is looked at. */
const maxBodyBytes = 64 * 1024;

/**
 * Tells what an answer says about its tokens and times, as its endpoint's profile describes. Called once for each
 * answer, after the client has all of it. Never throws; undefined when nothing is known or the profile wants nothing.
 */
export function extractMetrics(
  profile: Pick<Profile, "metrics">,
  answer: EndedAnswer,
): ProviderMetrics | undefined {
  if (profile.metrics === undefined) return undefined;
  return extract(profile.metrics, answer);
}

function extract(extraction: MetricsExtraction, answer: EndedAnswer): ProviderMetrics | undefined {
  const { headers, measured } = answer;
  const values = noFigures();
  for (const { field, header } of extraction.headers)
    note(values, field, scalarOfHeader(headers.get(header)));

  const record = new MetricsRecord();
  if (extraction.source === "response_body" && isReadable(headers)) {
    const documents = readLastDocuments(keptOf(answer), answer.framing);
    for (const document of documents) readPaths(values, document, extraction);
    record.addAll(values);
    // The profile's own paths say all that a dialect could add, for nearly every answer.
    if (!record.hasFigures()) addDialect(record, documents);
    for (const document of documents) addDetails(record, document);
  } else {
    record.addAll(values);
  }
  record.completeTotal();

  if (extraction.calculations.length > 0) calculate(extraction, values, record, measured);
  // A profile may have to add up its counts.
  record.completeTotal();
  return record.finish(measured.ttftMs);
}

/** Calculations see the figures as they were before the first of them. */
function calculate(
  { calculations }: MetricsExtraction,
  values: Figures,
  record: MetricsRecord,
  measured: EndedAnswer["measured"],
): void {
  const scope = {
    get: (name: string) => values[name] ?? record.get(name) ?? measuredAs(name, measured),
  };
  const results = calculations.map(({ evaluate }) => evaluate(scope));
  for (const [index, { field }] of calculations.entries()) {
    const result = results[index];
    if (result !== undefined) record.set(field, result);
  }
}

function measuredAs(name: string, { totalMs, ttftMs }: EndedAnswer["measured"]): number | undefined {
  if (name === "response_time_ms" || name === "total_ms") return totalMs;
  return name === "ttft_ms" ? ttftMs : undefined;
}

/** Of several documents that say it the first counts, unless it says nothing. */
function addDetails(record: MetricsRecord, document: JsonObject): void {
  const { cached_tokens, cache_creation_tokens, reasoning_tokens } = readDetails(document);
  if (cached_tokens !== undefined) record.fill("cached_tokens", scalarOf(cached_tokens));
  if (cache_creation_tokens !== undefined) {
    record.fill("cache_creation_tokens", scalarOf(cache_creation_tokens));
  }
  if (reasoning_tokens !== undefined) record.fill("reasoning_tokens", scalarOf(reasoning_tokens));
}

function keptOf(answer: EndedAnswer): KeptBody {
  if ("tail" in answer) return answer.tail.read();
  const { body } = answer;
  if (body.length <= maxBodyBytes) return { tail: body, isWhole: true, head: undefined };
  return {
    tail: body.subarray(body.length - maxBodyBytes),
    isWhole: false,
    head: body.subarray(0, 4 * 1024),
  };
}

/** The end of a compressed body says nothing without its beginning. */
function isReadable(headers: Headers): boolean {
  const encoding = headers.get("content-encoding");
  return encoding === null || encoding === "" || encoding.toLowerCase() === "identity";
}

function readPaths(values: Figures, document: JsonObject, { paths }: MetricsExtraction): void {
  for (const { field, steps } of paths) {
    if (!values[field]) note(values, field, scalarOf(readMetricPath(document, steps)));
  }
}

/** Later documents come first; a zero or an empty text gives way to an earlier one that says more. */
function note(values: Figures, field: string, value: MetricScalar): void {
  if (value !== null && (value || values[field] === undefined)) values[field] = value;
}

function noFigures(): Figures {
  return { __proto__: null } as unknown as Figures;
}

function addDialect(record: MetricsRecord, documents: readonly JsonObject[]): void {
  const figures = mergeFigures(documents, readDialect);
  const cached = count(figures.cache_read_tokens) + count(figures.cache_creation_tokens);
  if (cached > 0) figures.input_tokens = count(figures.input_tokens) + cached;
  record.fillIn(figures);
}

function mergeFigures(
  documents: readonly JsonObject[],
  read: (document: JsonObject) => DialectFigures,
): Figures {
  const figures = noFigures();
  for (const document of documents) {
    for (const [field, value] of Object.entries(read(document))) {
      if (!figures[field]) note(figures, field, scalarOf(value));
    }
  }
  return figures;
}

function count(value: MetricScalar | undefined): number {
  return typeof value === "number" && value > 0 ? value : 0;
}

function scalarOf(value: unknown): MetricScalar {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean" ? value : null;
}

function scalarOfHeader(value: string | null): MetricScalar {
  if (value === null || value === "") return null;
  if (value === "true" || value === "false") return value === "true";
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}
