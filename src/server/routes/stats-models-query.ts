import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import type { DirectEnv } from "../direct-env.ts";
import { rejectBadQuery } from "./model-query.ts";
import type { ModelStatisticsQuery } from "./stats-models.ts";

const flag = (name: string) =>
  z
    .enum(["true", "false", ""], { error: `invalid value for '${name}' parameter. Use 'true' or 'false'` })
    .optional()
    .transform((text) => text === "true");

export const modelStatisticsParameters = z.object({
  include_endpoints: flag("include_endpoints").meta({ description: "Adds each model's endpoints" }),
  include_summary: flag("include_summary").meta({ description: "Adds the totals of endpoints" }),
});

const schema = modelStatisticsParameters.transform(
  ({ include_endpoints, include_summary }): ModelStatisticsQuery => ({
    includeEndpoints: include_endpoints,
    includeSummary: include_summary,
  }),
);

/** Middleware: the checked query is there as `c.req.valid("query")`; a bad one is refused. */
export const modelStatisticsQueryValidator: MiddlewareHandler<
  DirectEnv,
  string,
  { out: { query: ModelStatisticsQuery } }
> = zValidator("query", schema, rejectBadQuery);
