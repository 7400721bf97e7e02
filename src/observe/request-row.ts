import type { AttemptRecord, ConsideredEndpoint, HeldBack, Outcome } from "./outcome.ts";

/**
 * One ended request as operators see it: in the request log, its API, the live feed and on terminals. Flat, in JSON's
 * types, without anything that a client has said. Milliseconds with one decimal; absent where nothing is known.
 */
export interface RequestRow {
  /** Chosen by the client, perhaps: not unique. */
  readonly id: string;
  /** Milliseconds since the epoch, of the arrival. */
  readonly time: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly route?: string;
  readonly dialect?: string;
  readonly stream: boolean;
  /** The name of the client's key. */
  readonly key?: string;
  readonly client: string;
  /** What the client asked for, where it was an alias. */
  readonly alias?: string;
  /** What the endpoint was asked for. */
  readonly model?: string;
  readonly endpoint?: string;
  readonly backend_type?: string;
  readonly tier?: string;
  readonly status: number;
  readonly ending: string;
  readonly error_code?: string;
  readonly error?: string;
  readonly attempts: number;
  /** `alpha: connect_refused`, comma-separated, for each attempt that failed. */
  readonly failed?: string;
  readonly queue_ms: number;
  readonly ttft_ms?: number;
  readonly duration_ms: number;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cached_tokens?: number;
  readonly tokens_per_sec?: number;
  readonly request_bytes: number;
  readonly response_bytes: number;
  readonly sticky?: string;
  /** `passthrough` or `translation`; absent for a request that every endpoint takes as it is. */
  readonly mode?: string;
}

/** Where the time went, in milliseconds from the arrival unless the name says otherwise. */
export interface RequestTimings {
  readonly body_ms?: number;
  readonly inspected_ms?: number;
  readonly routed_ms?: number;
  /** A duration. */
  readonly queue_ms: number;
  readonly head_ms?: number;
  readonly ttft_ms?: number;
  readonly duration_ms: number;
}

/** Why a request went where it went. */
export interface DecisionTrace {
  readonly strategy?: string;
  readonly action?: string;
  readonly reason?: string;
  readonly sticky?: string;
  readonly candidates: readonly ConsideredEndpoint[];
  readonly held_back: readonly HeldBack[];
  readonly attempts: readonly AttemptRecord[];
  readonly timings: RequestTimings;
}

/** Every member of a row, undefined where nothing is known. */
type RequestRowMembers = Record<keyof RequestRow, string | number | boolean | undefined>;

export function toRequestRow(outcome: Outcome): RequestRow {
  const { attempts, clientApi, error, usage } = outcome;
  const ttftMs = ttftOf(outcome);
  const members: RequestRowMembers = {
    id: outcome.requestId,
    time: Math.round(outcome.receivedAt),
    method: outcome.method,
    path: outcome.path,
    route: outcome.route,
    dialect: outcome.dialect,
    stream: outcome.isStream,
    key: outcome.clientKey,
    client: outcome.clientAddress,
    alias: aliasOf(outcome),
    model: outcome.model,
    endpoint: askedLast(outcome),
    backend_type: outcome.backendType,
    tier: outcome.tier,
    status: outcome.status,
    ending: outcome.ending,
    error_code: error?.code,
    error: error?.message,
    attempts: attempts.length,
    failed: failuresOf(attempts)?.join(", "),
    queue_ms: toTenths(outcome.queueMs),
    ttft_ms: ttftMs === undefined ? undefined : toTenths(ttftMs),
    duration_ms: toTenths(outcome.durationMs),
    input_tokens: usage?.input_tokens,
    output_tokens: usage?.output_tokens,
    cached_tokens: usage?.cached_tokens,
    tokens_per_sec: usage?.tokens_per_sec === undefined ? undefined : toTenths(usage.tokens_per_sec),
    request_bytes: outcome.requestBytes,
    response_bytes: outcome.responseBytes,
    sticky: outcome.stickyOutcome,
    mode: clientApi?.mode,
  };
  return withoutUndefined(members) as unknown as RequestRow;
}

/** What the client asked for, where it was an alias. */
export function aliasOf({
  decision,
  requestedModel,
}: Pick<Outcome, "decision" | "requestedModel">): string | undefined {
  return decision?.strategy === "alias" ? requestedModel : undefined;
}

/** Who answered; where nobody did, who was asked last. */
export function askedLast({
  endpoint,
  attempts,
}: {
  readonly endpoint: string | undefined;
  readonly attempts: readonly Pick<AttemptRecord, "endpoint">[];
}): string | undefined {
  return endpoint ?? attempts.at(-1)?.endpoint;
}

export function toDecisionTrace(outcome: Outcome): DecisionTrace {
  const { decision, stickyOutcome } = outcome;
  return {
    ...(decision && { strategy: decision.strategy, action: decision.action, reason: decision.reason }),
    ...(stickyOutcome && { sticky: stickyOutcome }),
    candidates: outcome.considered?.() ?? [],
    held_back: (outcome.heldBack ?? []).map((held) => ({ ...held, atMs: toTenths(held.atMs) })),
    attempts: outcome.attempts.map(inTenths),
    timings: timingsOf(outcome),
  };
}

function timingsOf(outcome: Outcome): RequestTimings {
  const { milestones, headMs } = outcome;
  const timings: { -readonly [Name in keyof RequestTimings]: RequestTimings[Name] } = {
    queue_ms: toTenths(outcome.queueMs),
    duration_ms: toTenths(outcome.durationMs),
  };
  if (milestones !== undefined) {
    timings.body_ms = toTenths(milestones.bodyMs);
    timings.inspected_ms = toTenths(milestones.inspectedMs);
    if (milestones.routedMs !== undefined) timings.routed_ms = toTenths(milestones.routedMs);
  }
  if (headMs !== undefined) timings.head_ms = toTenths(headMs);
  const ttftMs = ttftOf(outcome);
  if (ttftMs !== undefined) timings.ttft_ms = toTenths(ttftMs);
  return timings;
}

/**
 * Milliseconds from a streamed request's arrival to the first byte of its answer; undefined for answers that came in one
 * piece, whose first token nobody saw apart from the last.
 */
export function ttftOf({ isStream, milestones, ending, usage }: Outcome): number | undefined {
  if (!isStream || ending === "rejected") return undefined;
  return milestones?.firstSentMs ?? usage?.ttft_ms;
}

/** `alpha: connect_refused` for each attempt that an endpoint failed; undefined when none did. */
export function failuresOf(
  attempts: readonly Pick<AttemptRecord, "endpoint" | "status" | "error">[],
): string[] | undefined {
  let failures: string[] | undefined;
  for (const { endpoint, status, error } of attempts) {
    if (error === undefined || error === "client_abort" || error === "cancelled") continue;
    failures ??= [];
    failures.push(`${endpoint}: ${error === "upstream_status" && status !== undefined ? status : error}`);
  }
  return failures;
}

export function toTenths(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

function inTenths(attempt: AttemptRecord): AttemptRecord {
  const { durationMs, startedMs, queuedMs } = attempt;
  const rounded: { -readonly [Name in keyof AttemptRecord]: AttemptRecord[Name] } = { ...attempt };
  rounded.durationMs = toTenths(durationMs);
  if (startedMs !== undefined) rounded.startedMs = toTenths(startedMs);
  if (queuedMs !== undefined) rounded.queuedMs = toTenths(queuedMs);
  return rounded;
}

function withoutUndefined(row: Record<string, unknown>): Record<string, unknown> {
  for (const name of Object.keys(row)) if (row[name] === undefined) delete row[name];
  return row;
}
