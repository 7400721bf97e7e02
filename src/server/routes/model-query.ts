import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { OllaError } from "../../errors.ts";
import { listingFormats, parseListingFormat } from "../../models/listings/listing-format.ts";
import type { ModelQuery } from "../../models/listings/select-models.ts";
import type { DirectEnv } from "../direct-env.ts";

const format = z.string().transform((text, context) => {
  const known = parseListingFormat(text);
  if (known !== undefined) return known;
  const supported = listingFormats.toSorted().join(", ");
  context.addIssue({
    code: "custom",
    message: `invalid query parameter format=${text}: unsupported format. Supported formats: ${supported}`,
  });
  return z.NEVER;
});

const trueOrFalse = z
  .enum(["true", "false"], { error: "invalid value for 'available' parameter. Use 'true' or 'false'" })
  .transform((text) => text === "true");

/** The query of `/olla/models`. An empty value counts as absent; what is not named here is ignored. */
export const modelQueryParameters = z.object({
  format: format.optional().meta({ description: "How the list is written", enum: [...listingFormats] }),
  endpoint: z.string().optional().meta({ description: "Only what this endpoint has; its name or address" }),
  family: z.string().optional(),
  type: z.string().optional().meta({ description: "`llm`, `vlm` or `embeddings`" }),
  capability: z.string().optional().meta({ description: "An older way to say `type`" }),
  available: trueOrFalse.optional().meta({ description: "Whether an endpoint has it in memory" }),
  include_unavailable: z
    .string()
    .optional()
    .meta({ description: "`true`: also what only unhealthy endpoints have" }),
});

const modelQuerySchema = modelQueryParameters.transform(
  ({ include_unavailable, ...query }): ModelQuery => ({
    ...query,
    includeUnavailable: include_unavailable === "true",
  }),
);

/** Middleware: the checked query is there as `c.req.valid("query")`; a bad one is refused. */
export const modelQueryValidator: MiddlewareHandler<DirectEnv, string, { out: { query: ModelQuery } }> =
  zValidator("query", modelQuerySchema, rejectBadQuery);

interface ValidationResult {
  readonly success: boolean;
  readonly error?: {
    readonly issues: readonly { readonly message: string; readonly path: readonly unknown[] }[];
  };
}

/** For the query validators of other routes as well. */
export function rejectBadQuery({ error }: ValidationResult): undefined {
  const issue = error?.issues[0];
  if (issue === undefined) return undefined;
  throw new OllaError("invalid_request", issue.message, { field: String(issue.path[0] ?? "query") });
}
