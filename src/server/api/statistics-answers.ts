import { z } from "zod";
import { ago, bytesText, count, latency, moment, percent, share } from "./texts.ts";

const endpointUse = z
  .strictObject({
    endpoint_name: z.string(),
    request_count: count.meta({ description: "Attempts" }),
    success_rate: share,
    average_latency: latency,
    last_used: ago,
    consecutive_errors: count,
  })
  .meta({ id: "EndpointUse" });

export const modelStatisticsAnswer = z
  .strictObject({
    timestamp: moment,
    endpoints: z
      .record(z.string(), endpointUse)
      .meta({ description: "By endpoint; empty unless `include_summary` asks for it" }),
    models: z
      .array(
        z.strictObject({
          name: z.string().meta({ description: "As endpoints were asked for it" }),
          total_requests: count,
          successful_requests: count,
          failed_requests: count,
          success_rate: percent,
          average_latency: latency,
          p95_latency: latency,
          p99_latency: latency,
          total_traffic: bytesText,
          unique_clients: count.meta({ description: "An estimate above 128" }),
          last_requested: ago,
          routing_hits: count,
          routing_misses: count,
          routing_fallbacks: count,
          endpoint_breakdown: z
            .record(z.string(), endpointUse)
            .optional()
            .meta({ description: "By endpoint; only with `include_endpoints`" }),
        }),
      )
      .meta({ description: "The busiest first" }),
    summary: z.strictObject({
      total_models: count,
      active_models: count.meta({ description: "Asked for within the last hour" }),
      total_requests: count,
      overall_success_rate: percent,
      total_traffic: bytesText,
      most_popular_model: z.string(),
      least_popular_model: z.string(),
    }),
  })
  .meta({ id: "ModelStatistics" });

export const keyStatisticsAnswer = z
  .strictObject({
    timestamp: moment,
    keys: z.array(
      z.strictObject({
        name: z.string(),
        total_requests: count,
        successful_requests: count,
        failed_requests: count,
        rate_limited_requests: count,
        input_tokens: count,
        output_tokens: count,
        average_latency: latency.optional(),
        p95_latency: latency.optional(),
        p50_time_to_first_token: latency.optional().meta({ description: "Of streams" }),
        p95_time_to_first_token: latency.optional(),
      }),
    ),
  })
  .meta({ id: "KeyStatistics" });

export const stickyStatisticsAnswer = z
  .union([
    z.strictObject({ enabled: z.literal(false) }),
    z.strictObject({
      enabled: z.literal(true),
      active_sessions: count,
      insertions: count,
      hits: count,
      misses: count,
      evictions: count,
      max_sessions: count,
      idle_ttl_seconds: z.number().nonnegative(),
    }),
  ])
  .meta({ id: "StickyStatistics" });

export const translatorStatisticsAnswer = z
  .strictObject({
    timestamp: moment,
    translators: z.array(
      z.strictObject({
        translator_name: z.string().meta({ examples: ["anthropic"] }),
        total_requests: count,
        successful_requests: count,
        failed_requests: count,
        success_rate: percent,
        passthrough_rate: percent,
        passthrough_requests: count.meta({ description: "The endpoint knew the client's API" }),
        translation_requests: count,
        streaming_requests: count,
        non_streaming_requests: count,
        fallback_no_compatible_endpoints: count,
        fallback_translator_does_not_support_passthrough: z.literal(0),
        fallback_cannot_passthrough: count,
        average_latency: latency,
      }),
    ),
    summary: z.strictObject({
      total_translators: count,
      active_translators: count,
      total_requests: count,
      overall_success_rate: percent,
      total_passthrough: count,
      total_translations: count,
      overall_passthrough_rate: percent,
      total_streaming: count,
      total_non_streaming: count,
    }),
  })
  .meta({ id: "TranslatorStatistics" });
