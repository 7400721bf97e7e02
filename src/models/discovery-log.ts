import type { Logger } from "../lib/log.ts";
import { ModelFetchError } from "./fetch-model-list.ts";
import { ModelListError } from "./list-parsers/model-list-error.ts";
import type { Model } from "./model.ts";

export interface ModelChange {
  readonly before: readonly Model[];
  readonly models: readonly Model[];
  /** Those of `models` that the list does not have. */
  readonly kept: readonly Model[];
  /** The first list, or the first after a failure. */
  readonly isFirst: boolean;
  readonly filteredCount: number;
}

const mostNames = 20;

/** One line for each list that was read; for operators where it says something new, else for debugging. */
export function logModelChange(logger: Logger, endpointName: string, change: ModelChange): void {
  const { before, models, kept } = change;
  const added = namesOnlyIn(models, before);
  const removed = namesOnlyIn(before, models);
  const count = models.length === 1 ? "1 model" : `${models.length} models`;
  const missing = kept.length > 0 ? `, ${kept.length} of them no longer listed` : "";
  const isNews = change.isFirst || added.length > 0 || removed.length > 0 || kept.length > 0;
  logger[isNews ? "info" : "debug"](`Endpoint ${endpointName} has ${count}${missing}`, {
    endpoint: endpointName,
    models: models.length,
    filtered_out: change.filteredCount > 0 ? change.filteredCount : undefined,
    added: someOf(added),
    removed: someOf(removed),
    kept: someOf(kept.map(({ name }) => name)),
  });
}

/** Why a list could not be read, in words without addresses or secrets. */
export function describeFailure(error: unknown): string {
  if (error instanceof ModelFetchError || error instanceof ModelListError) return error.message;
  return error instanceof Error ? `unexpected ${error.name}` : "unexpected failure";
}

function someOf(names: readonly string[]): readonly string[] | undefined {
  return names.length > 0 ? names.slice(0, mostNames) : undefined;
}

function namesOnlyIn(models: readonly Model[], others: readonly Model[]): string[] {
  const known = new Set(others.map((model) => model.name));
  return models.map((model) => model.name).filter((name) => !known.has(name));
}
