import { z } from "zod";
import { OllaError } from "../../errors.ts";
import type { ModelPage } from "../../translate/anthropic/model-list.ts";

const maxLimit = 1_000;

/** An empty value counts as absent; what is not named here is ignored. */
export const modelPageParameters = z.object({
  limit: z.coerce.number().int().min(1).max(maxLimit).optional().meta({ description: "All when left out" }),
  before_id: z.string().optional(),
  after_id: z.string().optional(),
});

/** @throws OllaError `invalid_request` */
export function readModelPage(query: URLSearchParams): ModelPage {
  const given = [...query].filter(([, value]) => value !== "");
  const { success, data } = modelPageParameters.safeParse(Object.fromEntries(given));
  if (!success) {
    throw new OllaError(
      "invalid_request",
      `limit: expected a whole number from 1 to ${maxLimit}, got ${query.get("limit")?.slice(0, 50)}`,
      { field: "limit" },
    );
  }
  return { limit: data.limit, beforeId: data.before_id, afterId: data.after_id };
}
