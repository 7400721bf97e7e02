import * as v from "valibot";
import {
  compileMetricExpression,
  type MetricExpression,
  MetricExpressionError,
} from "./metric-expression.ts";
import { type MetricPathStep, parseMetricPath } from "./metric-path.ts";

/** Where answers of a kind say what they cost. Compiled when the profile is loaded, in the order of the file. */
export interface MetricsExtraction {
  /** `response_headers`: the body is not looked at. */
  readonly source: "response_body" | "response_headers";
  readonly paths: readonly { readonly field: string; readonly steps: readonly MetricPathStep[] }[];
  readonly headers: readonly { readonly field: string; readonly header: string }[];
  readonly calculations: readonly { readonly field: string; readonly evaluate: MetricExpression }[];
  /**
   * Where a client that asks for the token counts of a stream (`stream_options.include_usage`) gets one event more,
   * with `usage` and without choices, and all others as they would be. `proxy.inject_usage` asks nowhere else.
   */
  readonly streamUsagePaths: readonly string[];
}

const byField = v.optional(v.record(v.string(), v.string()), {});

/** `metrics` of a profile's YAML. */
export const metricsSchema = v.optional(
  v.object({
    stream_usage: v.optional(
      v.array(v.pipe(v.string(), v.startsWith("/", "expected a path that begins with /"))),
      [],
    ),
    extraction: v.optional(
      v.object({
        enabled: v.optional(v.boolean(), true),
        source: v.optional(v.picklist(["response_body", "response_headers"]), "response_body"),
        paths: byField,
        calculations: byField,
        headers: byField,
      }),
    ),
  }),
  {},
);

export interface MetricsProblem {
  /** Below the profile. */
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Compiles the block. What does not compile is left out and reported; the rest of the profile works.
 * `extraction` is undefined where there is no block, or one that is switched off.
 */
export function compileMetrics({
  extraction: block,
  stream_usage: streamUsagePaths,
}: v.InferOutput<typeof metricsSchema>): {
  readonly extraction: MetricsExtraction | undefined;
  readonly problems: readonly MetricsProblem[];
} {
  if (block === undefined) return { extraction: undefined, problems: [] };
  const problems: MetricsProblem[] = [];
  const report = (key: string, field: string, message: string) =>
    problems.push({ path: ["metrics", "extraction", key, field], message: `${message}; left out` });

  const paths = Object.entries(block.paths).flatMap(([field, path]) => {
    const steps = parseMetricPath(path);
    if (steps === undefined)
      report("paths", field, `expected a path like $.usage.total_tokens, got "${path}"`);
    return steps === undefined || steps.length === 0 ? [] : [{ field, steps }];
  });
  const headers = Object.entries(block.headers).flatMap(([field, header]) => {
    const isName = /^[\w!#$%&'*+.^`|~-]+$/.test(header);
    if (!isName) report("headers", field, `expected a header's name, got "${header}"`);
    return isName ? [{ field, header }] : [];
  });
  const calculations = Object.entries(block.calculations).flatMap(([field, source]) => {
    try {
      return [{ field, evaluate: compileMetricExpression(source) }];
    } catch (error) {
      if (!(error instanceof MetricExpressionError)) throw error;
      report("calculations", field, error.message);
      return [];
    }
  });
  const extraction = block.enabled
    ? { source: block.source, paths, headers, calculations, streamUsagePaths }
    : undefined;
  return { extraction, problems };
}
