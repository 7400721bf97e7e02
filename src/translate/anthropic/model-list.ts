import { compareText } from "../../models/unify.ts";

/** One name that a client may ask for. */
export interface AnthropicModel {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Which part of the list is wanted. */
export interface ModelPage {
  /** Most entries; undefined: all. */
  readonly limit?: number | undefined;
  /** Only what comes after this id; it need not be there any more. */
  readonly afterId?: string | undefined;
  /** The last ones before this id; counts only where there is no `afterId`. */
  readonly beforeId?: string | undefined;
}

/**
 * A page of Anthropic's list of models.
 * Source: https://docs.anthropic.com/en/api/models-list
 * @param models sorted by id
 */
export function renderAnthropicModelList(
  models: readonly AnthropicModel[],
  { limit = Number.POSITIVE_INFINITY, afterId, beforeId }: ModelPage,
): object {
  const isBackwards = afterId === undefined && beforeId !== undefined;
  const rest = isBackwards
    ? models.filter(({ id }) => compareText(id, beforeId) < 0)
    : models.filter(({ id }) => afterId === undefined || compareText(id, afterId) > 0);
  const page = isBackwards ? rest.slice(Math.max(0, rest.length - limit)) : rest.slice(0, limit);
  return {
    data: page.map(renderAnthropicModel),
    has_more: page.length < rest.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

export function renderAnthropicModel({ id, createdAt }: AnthropicModel): object {
  const seconds = new Date(Math.floor(createdAt / 1000) * 1000).toISOString();
  return { type: "model", id, display_name: id, created_at: seconds.replace(".000Z", "Z") };
}
