import type { Hono } from "hono";
import { EventLoopDelay } from "../observe/event-loop-delay.ts";
import type { ServerDependencies } from "./dependencies.ts";
import type { DirectEnv } from "./direct-env.ts";
import { jsonResponse } from "./json-response.ts";
import { readOnly } from "./middleware/read-only.ts";
import { renderProcess } from "./routes/process.ts";
import { checkModelStatisticsQuery, renderModelStatistics } from "./routes/stats-models.ts";

export const telemetryPaths: readonly string[] = [
  "/internal/stats/models",
  "/internal/process",
  "/internal/metrics",
];
/** `telemetry.metrics.bare_route`: where scrapers look when nobody tells them. */
export const bareMetricsPath = "/metrics";

const encoder = new TextEncoder();

/** Figures about models and the process, and what Prometheus reads. Whoever may not read is refused before. */
export function addTelemetryRoutes(app: Hono<DirectEnv>, deps: ServerDependencies): void {
  const sources = { ...deps, eventLoop: deps.eventLoop ?? new EventLoopDelay(deps.clock) };
  const metrics = async () => {
    const { renderMetrics, metricsContentType } = await import("./metrics/render-metrics.ts");
    const bytes = encoder.encode(await renderMetrics(sources));
    return new Response(bytes, {
      headers: { "Content-Type": metricsContentType, "Content-Length": String(bytes.byteLength) },
    });
  };
  app.all("/internal/stats/models", readOnly, checkModelStatisticsQuery, (c) =>
    jsonResponse(renderModelStatistics(c.req.valid("query"), sources)),
  );
  app.all("/internal/process", readOnly, () => jsonResponse(renderProcess(sources)));
  app.all("/internal/metrics", readOnly, metrics);
  if (deps.settings.hasBareMetrics === true) app.all(bareMetricsPath, readOnly, metrics);
}
