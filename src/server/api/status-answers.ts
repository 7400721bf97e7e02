import { z } from "zod";
import { endpointStatuses } from "../../endpoints/endpoint-status.ts";
import {
  ago,
  bytesText,
  count,
  latency,
  milliseconds,
  moment,
  percent,
  percentOrNone,
  span,
  uptime,
} from "./texts.ts";

export const endpointStatus = z
  .enum(endpointStatuses)
  .meta({ id: "EndpointStatus", description: "What its health checks, and failed requests, say of it" });

export const tokens = z
  .strictObject({
    requests: count.meta({ description: "Answers that said anything of tokens" }),
    input: count,
    output: count,
    cached: count.meta({ description: "Of `input`" }),
  })
  .meta({ id: "Tokens" });

const breaker = {
  state: z.enum(["closed", "open", "half-open"]),
  retry_in: span.optional().meta({ description: "Until the next trial; only while it is not closed" }),
};

/** What keeps requests away right now; each is left out where it does not apply. */
const traffic = {
  circuit_breaker: z
    .strictObject({
      ...breaker,
      models: z
        .array(z.strictObject({ model: z.string(), ...breaker }))
        .optional()
        .meta({ description: "Models whose own breaker is not closed" }),
    })
    .optional()
    .meta({ description: "Only with the engine `olla`" }),
  queue: z
    .strictObject({ depth: count, limit: count })
    .optional()
    .meta({ description: "Requests that wait, and `max_concurrent`; only where there is such a limit" }),
  cooldown_until: moment.optional().meta({ description: "The endpoint asked to be left alone until then" }),
  cooldown_models: z
    .array(z.strictObject({ model: z.string(), until: moment }))
    .optional()
    .meta({ description: "The same for some of its models" }),
};

const latencyNumbers = {
  avg_latency_ms: count.optional().meta({ description: "Of successes; missing without one" }),
  min_latency_ms: count,
  max_latency_ms: count,
};

const statusEndpoint = z
  .strictObject({
    id: z.string().meta({ description: "Made of name and address; stable" }),
    name: z.string(),
    url: z.string().meta({ description: "Without credentials" }),
    status: endpointStatus,
    draining: z.literal(true).optional().meta({ description: "An operator keeps new requests away" }),
    priority: count,
    connections: count.meta({ description: "Requests under way" }),
    requests: count.meta({ description: "Attempts" }),
    success_rate: percent,
    avg_latency: latency,
    ...latencyNumbers,
    traffic: bytesText,
    last_check: ago,
    health_check_at: moment.optional(),
    next_check: z.string().meta({ examples: ["in 20s", "now"] }),
    next_check_at: moment,
    issues: z.string().meta({ description: "Comma-separated; empty when there is none" }),
    models: z.strictObject({ last_updated: moment.nullable(), count }),
    ...traffic,
    tokens: tokens.optional(),
  })
  .meta({ id: "StatusEndpoint" });

const security = z.strictObject({
  status: z.enum(["normal", "elevated"]),
  blocked_ips: count.meta({ description: "Addresses that were limited within the last hour" }),
  violations: z.strictObject({ rate_limits: count, size_limits: count }),
});

const system = z
  .strictObject({
    status: z.enum(["healthy", "degraded", "critical"]),
    endpoints_up: z
      .string()
      .regex(/^\d+\/\d+$/)
      .meta({ examples: ["3/4"] }),
    success_rate: percentOrNone,
    avg_latency: latency,
    total_traffic: bytesText,
    uptime,
    start_time: moment,
    version: z.string(),
    commit: z.string(),
    active_connections: count,
    security_violations: count,
    total_requests: count.meta({ description: "Attempts" }),
    total_failures: count,
    has_traffic: z.boolean(),
    queue: z
      .strictObject({
        waiting: count,
        admitted: count,
        timed_out: count,
        refused: count,
        abandoned: count,
        longest_wait_ms: count,
      })
      .optional()
      .meta({ description: "What became of all who had to wait for a place" }),
    tokens: tokens.optional(),
  })
  .meta({ id: "System" });

export const statusAnswer = z
  .strictObject({
    timestamp: moment,
    proxy: z.strictObject({
      engine: z.string(),
      profile: z.string().meta({ description: "How answers are handed on: `proxy.profile`" }),
      balancer: z.string(),
    }),
    endpoints: z.array(statusEndpoint),
    security,
    system,
  })
  .meta({ id: "Status" });

const detailedEndpoint = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    type: z.string().meta({ description: "Its profile; `auto` until that is found out" }),
    status: endpointStatus,
    draining: z.literal(true).optional(),
    url: z.string(),
    priority: count,
    model_count: count,
    loaded_models: z
      .array(z.string())
      .optional()
      .meta({ description: "In memory; only with `proxy.prefer_loaded`, and where the endpoint says so" }),
    request_count: count,
    active_connections: count,
    success_rate: percentOrNone,
    ...latencyNumbers,
    health_check: z
      .string()
      .meta({ description: "How long ago; empty before the first", examples: ["12s ago"] }),
    health_check_at: moment.optional(),
    response_time: latency.optional().meta({ description: "Of the last health check" }),
    next_check_at: moment,
    last_model_sync: ago.optional(),
    last_model_sync_at: moment.optional(),
    issues: z.enum(["unavailable", "unstable", "low success rate"]).optional(),
    ...traffic,
    tokens: tokens.optional(),
  })
  .meta({ id: "Endpoint" });

export const endpointsAnswer = z
  .strictObject({
    timestamp: moment,
    total_count: count,
    healthy_count: count,
    routable_count: count.meta({ description: "Those that get requests" }),
    endpoints: z.array(detailedEndpoint),
  })
  .meta({ id: "Endpoints" });

const seenModel = z
  .strictObject({
    name: z.string(),
    type: z.string().optional(),
    family: z.string().optional(),
    size: bytesText.optional(),
    params: z
      .string()
      .optional()
      .meta({ examples: ["8b"] }),
    quant: z
      .string()
      .optional()
      .meta({ examples: ["Q4_K_M"] }),
    context_length: count.optional(),
    last_seen: ago,
    last_seen_at: moment.optional(),
    endpoints: z.array(z.string()),
    endpoint_ids: z.array(z.string()).meta({ description: "In the order of `endpoints`" }),
    aliases: z.array(z.string()).optional().meta({ description: "Other names of the same model" }),
    capabilities: z.array(z.string()).optional(),
    tokens: tokens.optional(),
  })
  .meta({ id: "SeenModel" });

const aliasTarget = z.strictObject({
  step: z.int().positive().meta({ description: "Those with the same number are tried before the next" }),
  model: z.string(),
  endpoints: z.array(z.strictObject({ name: z.string(), status: endpointStatus })),
});

export const modelStatusAnswer = z
  .strictObject({
    timestamp: moment,
    total_models: count,
    total_families: count,
    total_endpoints: count,
    models_by_family: z.record(z.string(), z.array(z.string())),
    recent_models: z.array(seenModel).max(10),
    model_aliases: z
      .array(z.strictObject({ name: z.string(), targets: z.array(aliasTarget) }))
      .optional()
      .meta({ description: "What the aliases of the configuration stand for" }),
    model_groups: z
      .array(
        z.strictObject({
          family: z.string(),
          models: z.array(seenModel),
          endpoints: z.array(z.string()),
          model_count: count,
        }),
      )
      .optional()
      .meta({ description: "Every model; only with `detailed=true&group=family`" }),
  })
  .meta({ id: "ModelStatus" });

export const modelStatusQuery = z.object({
  detailed: z
    .string()
    .optional()
    .meta({ description: "`true`, together with `group=family`, adds `model_groups`" }),
  group: z.string().optional().meta({ description: "`family`" }),
});

const figure = z.number().nonnegative();

export const processAnswer = z
  .strictObject({
    timestamp: moment,
    memory: z.strictObject({
      rss_bytes: figure,
      anonymous_bytes: figure.optional().meta({ description: "Linux only" }),
      heap_used_bytes: figure,
      heap_total_bytes: figure,
      external_bytes: figure,
      array_buffers_bytes: figure,
    }),
    cpu: z.strictObject({ user_seconds: figure, system_seconds: figure, available: count }),
    runtime: z.strictObject({
      version: z.string(),
      platform: z.string(),
      pid: count,
      uptime,
      uptime_seconds: count,
      start_time: moment,
      threads: count.optional().meta({ description: "Linux only" }),
      event_loop_delay: z
        .strictObject({ samples: count, p50_ms: milliseconds, p99_ms: milliseconds })
        .optional()
        .meta({ description: "How late timers are called; measured from the first look on" }),
    }),
    activity: z.strictObject({
      open_files: count.optional().meta({ description: "Linux only" }),
      open_sockets: count.optional().meta({ description: "Linux only" }),
      requests: count,
      streams: count,
      attempts: count,
    }),
  })
  .meta({ id: "Process" });
