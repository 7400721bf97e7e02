import { z } from "zod";
import { endpointStatuses } from "../../endpoints/endpoint-status.ts";
import { count, milliseconds, moment } from "./texts.ts";

const ending = z
  .enum([
    "complete",
    "rejected",
    "client-abort",
    "cancelled",
    "upstream-error",
    "idle-timeout",
    "response-timeout",
  ])
  .meta({ description: "`rejected`: refused before any endpoint was asked" });
const errorCode = z.string().meta({ description: "One of Olla's error codes" });

/** The members of a request that has ended; its time is written in two ways. */
const row = {
  id: z.string().meta({ description: "Chosen by the client, perhaps: not unique" }),
  method: z.string(),
  path: z.string(),
  route: z.string().optional(),
  dialect: z.string().optional().meta({ description: "The client's API" }),
  stream: z.boolean(),
  key: z.string().optional().meta({ description: "The name of the client's key" }),
  client: z.string().meta({ description: "Address" }),
  alias: z.string().optional().meta({ description: "What the client asked for, where that was an alias" }),
  model: z.string().optional().meta({ description: "What the endpoint was asked for" }),
  endpoint: z.string().optional().meta({ description: "That answered, or was asked last" }),
  backend_type: z.string().optional(),
  tier: z.literal("cloud").optional(),
  status: z.int().min(100).max(599),
  ending,
  error_code: errorCode.optional(),
  error: z.string().optional(),
  attempts: count,
  failed: z
    .string()
    .optional()
    .meta({ description: "Each attempt that failed, and why", examples: ["desk: connect_refused"] }),
  queue_ms: milliseconds,
  ttft_ms: milliseconds.optional().meta({ description: "To the first byte of a stream" }),
  duration_ms: milliseconds,
  input_tokens: count.optional(),
  output_tokens: count.optional(),
  cached_tokens: count.optional(),
  tokens_per_sec: z.number().nonnegative().optional(),
  request_bytes: count,
  response_bytes: count,
  sticky: z.string().optional(),
  mode: z
    .enum(["passthrough", "translation"])
    .optional()
    .meta({ description: "Of requests in an API that not every endpoint knows" }),
};

const request = z.strictObject({ ...row, time: moment }).meta({ id: "Request" });

/** As events have it: times there are numbers. */
const endedRequest = z
  .strictObject({ ...row, time: z.int().meta({ description: "Milliseconds since the epoch" }) })
  .meta({ id: "EndedRequest" });

export const requestsAnswer = z
  .strictObject({
    timestamp: moment,
    source: z
      .enum(["memory", "database"])
      .meta({ description: "`database` with `request_log.enabled`, else the last 200 since the start" }),
    note: z.string().optional().meta({ description: "Why it is not what the configuration asks for" }),
    requests: z.array(request).meta({ description: "The one that ended last first" }),
    next: z.string().nullable().meta({ description: "For `before`, to read on; null on the last page" }),
  })
  .meta({ id: "Requests" });

const attempt = z.strictObject({
  endpoint: z.string(),
  model: z.string().optional(),
  durationMs: milliseconds.meta({
    description: "From the send to the head of the answer, or to the failure",
  }),
  status: z.int().optional(),
  error: errorCode.optional(),
  message: z.string().optional(),
  startedMs: milliseconds.optional().meta({ description: "From the arrival to the send" }),
  queuedMs: milliseconds.optional().meta({ description: "Spent waiting for a place" }),
  spanId: z.string().optional().meta({ description: "While requests are traced" }),
});

const considered = z.strictObject({
  endpoint: z.string(),
  model: z.string().optional(),
  skipped: z
    .enum([
      "outside_route",
      "draining",
      "not_healthy",
      "cloud_barred",
      "daily_tokens_spent",
      "model_missing",
      "model_filtered",
      "lacks_capability",
      "lacks_path",
      "not_named",
    ])
    .optional()
    .meta({ description: "Why it was no candidate" }),
  rank: z.number().meta({ description: "Of candidates: lower ones are used first" }),
  health: z.enum(endpointStatuses),
});

const trace = z
  .strictObject({
    strategy: z.string().optional(),
    action: z.enum(["routed", "fallback", "rejected"]).optional(),
    reason: z.string().optional(),
    sticky: z.string().optional(),
    candidates: z.array(considered).meta({ description: "Candidates in their order, then the others" }),
    held_back: z
      .array(
        z.strictObject({
          endpoint: z.string(),
          model: z.string().optional(),
          reason: z.enum(["circuit_open", "cooling_down", "draining"]),
          atMs: milliseconds,
        }),
      )
      .meta({ description: "Candidates that were passed over when their turn came" }),
    attempts: z.array(attempt),
    timings: z
      .strictObject({
        body_ms: milliseconds.optional(),
        inspected_ms: milliseconds.optional(),
        routed_ms: milliseconds.optional(),
        queue_ms: milliseconds.meta({ description: "How long it waited" }),
        head_ms: milliseconds.optional(),
        ttft_ms: milliseconds.optional(),
        duration_ms: milliseconds,
      })
      .meta({ description: "Milliseconds from the arrival" }),
  })
  .meta({ id: "Trace" });

export const requestAnswer = z
  .strictObject({
    request,
    trace,
    others: count.max(1_000).meta({ description: "Earlier requests on record with the same id" }),
  })
  .meta({ id: "RequestDetail" });

const liveRequest = z
  .strictObject({
    id: z.string(),
    started_at: moment,
    elapsed_ms: milliseconds,
    method: z.string(),
    path: z.string(),
    client: z.string(),
    key: z.string().optional(),
    model: z.string().optional(),
    endpoint: z.string().optional(),
    phase: z.enum(["receiving", "routing", "queued", "waiting", "streaming"]),
    stream: z.boolean(),
    attempts: count,
  })
  .meta({ id: "LiveRequest" });

export const liveAnswer = z
  .strictObject({
    timestamp: moment,
    total: count,
    requests: z.array(liveRequest).max(1_000).meta({ description: "The oldest first" }),
  })
  .meta({ id: "LiveRequests" });

export const cancelAnswer = z
  .strictObject({ id: z.string(), cancelled: z.int().positive() })
  .meta({ id: "Cancelled" });

const perSecond = z.array(count);
const rates = z
  .strictObject({
    first: z.int().meta({ description: "Number of the first second; only differences mean something" }),
    from: z.int().meta({ description: "When it began, in milliseconds since the epoch" }),
    requests: perSecond,
    errors: perSecond,
    input_tokens: perSecond,
    output_tokens: perSecond,
    ttft_sum_ms: perSecond,
    ttft_count: perSecond,
    in_flight: perSecond,
  })
  .meta({ id: "Rates", description: "What happened in each second, the oldest first" });

/** Both have the bodies of the status routes inside, which have schemas of their own. */
const state = {
  time: moment,
  system: z.looseObject({ status: z.string() }).meta({ description: "As in `/internal/status`" }),
  security: z.looseObject({ status: z.string() }).meta({ description: "As in `/internal/status`" }),
  endpoints: z
    .array(z.looseObject({ name: z.string() }))
    .meta({ description: "As in `/internal/status/endpoints`" }),
  in_flight: count,
};

/** The data of the events of `/internal/events`, by name. */
export const feedEvents = {
  hello: z.strictObject({
    version: z.string(),
    started_at: moment,
    can_act: z.boolean(),
    can_see_requests: z.boolean(),
    ...state,
    live: z.array(liveRequest).optional(),
    history: rates,
  }),
  tick: z.strictObject({
    ...state,
    rates,
    live: z.array(liveRequest).optional(),
    ended: z.strictObject({ requests: z.array(endedRequest), omitted: count }).optional(),
  }),
} as const;
