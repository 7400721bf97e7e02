import type { AttemptRecord, ConsideredEndpoint, Outcome } from "../outcome.ts";
import { type Alike, hasOneStory } from "../outcome-kinds.ts";
import { aliasOf, askedLast, failuresOf, toDecisionTrace, ttftOf } from "../request-row.ts";

export type ColumnValue = string | number | null;

/** The columns of `kinds`. One that comes to these or to `entryNames` needs a migration. */
const kindColumns: Readonly<Record<string, (common: Alike) => string | number | undefined>> = {
  method: ({ method }) => method,
  path: ({ path }) => path,
  route: ({ route }) => route,
  dialect: ({ dialect }) => dialect,
  stream: ({ isStream }) => Number(isStream),
  key: ({ clientKey }) => clientKey,
  client: ({ clientAddress }) => clientAddress,
  alias: aliasOf,
  model: ({ model }) => model,
  endpoint: askedLast,
  backend_type: ({ backendType }) => backendType,
  tier: ({ tier }) => tier,
  status: ({ status }) => status,
  ending: ({ ending }) => ending,
  error_code: ({ error }) => error?.code,
  error: ({ error }) => error?.message,
  attempts: ({ attempts }) => attempts.length,
  failed: ({ attempts }) => failuresOf(attempts)?.join(", "),
  sticky: ({ stickyOutcome }) => stickyOutcome,
  mode: ({ clientApi }) => clientApi?.mode,
  strategy: ({ decision }) => decision?.strategy,
  action: ({ decision }) => decision?.action,
  reason: ({ decision }) => decision?.reason,
  // The trace of one with more than one story is written whole.
  candidates: (common) => (hasOneStory(common) ? candidatesText(common.considered?.() ?? []) : undefined),
  // Of several attempts the first one.
  attempt_endpoint: ({ attempts }) => attempts[0]?.endpoint,
  attempt_model: ({ attempts }) => attempts[0]?.model,
  attempt_status: ({ attempts }) => attempts[0]?.status,
  attempt_error: ({ attempts }) => attempts[0]?.error,
  attempt_message: ({ attempts }) => attempts[0]?.message,
};

const kindNames = Object.keys(kindColumns);

/** The columns of `entries`. */
const entryNames = [
  "seq",
  "kind",
  "time",
  "id",
  "queue_tenths",
  "ttft_tenths",
  "duration_tenths",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "tokens_per_sec_tenths",
  "request_bytes",
  "response_bytes",
  "body_tenths",
  "inspected_tenths",
  "routed_tenths",
  "head_tenths",
  "attempt_started_tenths",
  "attempt_duration_tenths",
  "attempt_queued_tenths",
  "attempt_span",
] as const;

/** For an INSERT: names of columns, and a place for each. Quoted: `key` and others are words of SQL, too. */
const columnsAndPlaces = (names: readonly string[]) => ({
  list: names.map((name) => `"${name}"`).join(", "),
  places: names.map(() => "?").join(", "),
});

export const kindInsert = columnsAndPlaces(kindNames);
export const entryInsert = columnsAndPlaces(entryNames);

/** In the order of `kindInsert`. @throws whatever `considered` throws */
export function kindValues(common: Alike): ColumnValue[] {
  return kindNames.map((name) => kindColumns[name]?.(common) ?? null);
}

/** As many as there are names. */
type ValuesOf<Names extends readonly string[]> = { -readonly [Index in keyof Names]: ColumnValue };
export type EntryValues = ValuesOf<typeof entryNames>;

/** In the order of `entryInsert`; the two numbers in front are known when it is written. Called for every request. */
export function entryValues(outcome: Outcome): EntryValues {
  const { usage, milestones } = outcome;
  const attempt: AttemptRecord | undefined = outcome.attempts[0];
  return [
    null,
    null,
    Math.round(outcome.receivedAt),
    outcome.requestId,
    tenths(outcome.queueMs),
    tenths(ttftOf(outcome)),
    tenths(outcome.durationMs),
    usage?.input_tokens ?? null,
    usage?.output_tokens ?? null,
    usage?.cached_tokens ?? null,
    tenths(usage?.tokens_per_sec),
    outcome.requestBytes,
    outcome.responseBytes,
    tenths(milestones?.bodyMs),
    tenths(milestones?.inspectedMs),
    tenths(milestones?.routedMs),
    tenths(outcome.headMs),
    tenths(attempt?.startedMs),
    tenths(attempt?.durationMs),
    tenths(attempt?.queuedMs),
    attempt?.spanId ?? null,
  ];
}

/** The decision trace of a request that has more than one story. */
export function traceText(outcome: Outcome): string {
  const { candidates, ...rest } = toDecisionTrace(outcome);
  // There is always a member behind it: the timings.
  return `{"candidates":${candidatesText(candidates)},${JSON.stringify(rest).slice(1)}`;
}

/** Requests that were decided alike share the list of endpoints, and that may be a long one. */
const writtenLists = new WeakMap<readonly ConsideredEndpoint[], string>();

function candidatesText(candidates: readonly ConsideredEndpoint[]): string {
  let text = writtenLists.get(candidates);
  if (text === undefined) {
    text = JSON.stringify(candidates);
    writtenLists.set(candidates, text);
  }
  return text;
}

function tenths(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 10);
}
