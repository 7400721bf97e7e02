import { errorTable, helpFor } from "../errors.ts";
import type { LogFields, Logger, LogLevel } from "../lib/log.ts";
import { boundOutcome } from "./kept-outcome.ts";
import type { Outcome } from "./outcome.ts";
import { failuresOf, toTenths } from "./request-row.ts";
import type { Stats } from "./stats.ts";
import type { ProviderMetrics } from "./usage.ts";

export interface Recorder {
  /** Called exactly once for each request, when its answer has ended. */
  record(outcome: Outcome): void;
}

export interface RecorderOptions {
  readonly stats: Pick<Stats, "recordOutcome">;
  readonly logger: Logger;
  /** Without it only what went wrong (warn and above) is written. Read each time, so that it may change. */
  readonly isAccessLogEnabled: boolean;
  /** Who else wants to know of each request, and may keep it: huge texts are cut. Called in order; must be quick and not throw. */
  readonly sinks?: readonly OutcomeSink[];
}

export type OutcomeSink = (outcome: Outcome) => void;

/** Remembers what became of a request: counters, and one access line. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { stats, logger, sinks = [] } = options;
  return {
    record(outcome) {
      stats.recordOutcome(outcome);
      const bounded = boundOutcome(outcome);
      for (const tell of sinks) tell(bounded);
      const level = levelOf(outcome);
      const isWanted = options.isAccessLogEnabled || level === "warn" || level === "error";
      if (isWanted && logger.isEnabled(level)) logger[level]("request", accessFields(outcome));
    },
  };
}

function levelOf(outcome: Outcome): LogLevel {
  // Polled every few seconds by dashboards and load balancers.
  if (isPolledPath(outcome.path) && isQuietAnswer(outcome)) return "debug";
  if (outcome.error?.code === "internal") return "error";
  const culprit = outcome.error === undefined ? "client" : errorTable[outcome.error.code].culprit;
  return culprit !== "client" || outcome.status >= 500 ? "warn" : "info";
}

function isPolledPath(path: string): boolean {
  return path.startsWith("/internal/") || path === "/metrics";
}

function isQuietAnswer({ method, status }: Outcome): boolean {
  const isRead = method === "GET" || method === "HEAD";
  return isRead && ((status >= 200 && status < 300) || status === 304);
}

function accessFields(outcome: Outcome): LogFields {
  const { attempts, decision, error } = outcome;
  return {
    request_id: outcome.requestId,
    trace_id: outcome.trace?.traceId,
    method: outcome.method,
    path: outcome.path,
    query: outcome.query || undefined,
    status: outcome.status,
    // Nobody answered: then who was asked last, so that a hang-up while waiting names an endpoint as well.
    endpoint: outcome.endpoint ?? attempts.at(-1)?.endpoint,
    tier: outcome.tier,
    model: outcome.model,
    requested_model: outcome.requestedModel === outcome.model ? undefined : outcome.requestedModel,
    api: outcome.clientApi?.name,
    mode: outcome.clientApi?.mode,
    duration_ms: toTenths(outcome.durationMs),
    head_ms: outcome.headMs === undefined ? undefined : toTenths(outcome.headMs),
    queue_ms: outcome.queueMs > 0 ? toTenths(outcome.queueMs) : undefined,
    sticky: outcome.stickyOutcome,
    request_bytes: outcome.requestBytes,
    response_bytes: outcome.responseBytes,
    ...(outcome.usage === undefined ? {} : usageFields(outcome.usage)),
    ending: outcome.ending,
    attempts: attempts.length === 0 ? undefined : attempts.length,
    tried: attempts.length > 1 ? attempts.map((attempt) => attempt.endpoint) : undefined,
    failed: failuresOf(attempts),
    routing_strategy: decision?.strategy,
    routing_action: decision?.action,
    routing_reason: decision?.reason || undefined,
    client_ip: outcome.clientAddress,
    client_key: outcome.clientKey,
    user_agent: outcome.userAgent,
    error_code: error?.code,
    error: error?.message,
    help: error === undefined ? undefined : helpFor(error.code),
  };
}

function usageFields(usage: ProviderMetrics): LogFields {
  return {
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
    cached_tokens: usage.cached_tokens,
    reasoning_tokens: usage.reasoning_tokens,
    tokens_per_sec: roundedOrNone(usage.tokens_per_sec),
    ttft_ms: roundedOrNone(usage.ttft_ms),
    prompt_ms: roundedOrNone(usage.prompt_ms),
    generation_ms: roundedOrNone(usage.generation_ms),
    provider_model: usage.model,
    finish_reason: usage.finish_reason,
  };
}

function roundedOrNone(value: number | undefined): number | undefined {
  return value === undefined ? undefined : toTenths(value) || undefined;
}
