import type { AttemptRecord, Outcome } from "./outcome.ts";
import type { ProviderMetrics } from "./usage.ts";

/** Routes whose requests Olla answers itself: pages that are polled, and lists, would push out what people look for. */
const ownRoutes: ReadonlySet<string> = new Set(["internal", "models", "ui", "other"]);

/** Characters of all that a client or an endpoint may have made up in one outcome. */
const mostCharacters = 4_096;
const mostOfOne = 1_000;

/** Whether a request is one of those that go to endpoints, answered or refused. */
export function isOnRecord({ route }: Outcome): boolean {
  return route !== undefined && !ownRoutes.has(route);
}

/**
 * The outcome itself, or a shortened one where its client has sent texts of a size that nobody should make others keep:
 * a path may be a mebibyte long.
 */
export function boundOutcome(outcome: Outcome): Outcome {
  if (lengthOf(outcome) <= mostCharacters) return outcome;
  return {
    ...outcome,
    path: clip(outcome.path),
    query: "",
    userAgent: undefined,
    model: outcome.model && clip(outcome.model),
    requestedModel: outcome.requestedModel && clip(outcome.requestedModel),
    error: outcome.error && { code: outcome.error.code, message: clip(outcome.error.message) },
    attempts: outcome.attempts.map(clipAttempt),
    usage: outcome.usage && clipUsage(outcome.usage),
    heldBack: outcome.heldBack?.map((held) => ({ ...held, model: held.model && clip(held.model) })),
    considered: undefined,
  };
}

function lengthOf(outcome: Outcome): number {
  const { path, query, userAgent, model, requestedModel, error, attempts, usage } = outcome;
  let length = path.length + query.length + (userAgent?.length ?? 0) + (error?.message.length ?? 0);
  length += (model?.length ?? 0) + (requestedModel?.length ?? 0);
  length += (usage?.model?.length ?? 0) + (usage?.finish_reason?.length ?? 0);
  for (const { message } of attempts) length += message?.length ?? 0;
  return length;
}

function clipUsage(usage: ProviderMetrics): ProviderMetrics {
  const { model, finish_reason: reason, ...figures } = usage;
  return {
    ...figures,
    ...(model !== undefined && { model: clip(model) }),
    ...(reason !== undefined && { finish_reason: clip(reason) }),
  };
}

function clipAttempt(attempt: AttemptRecord): AttemptRecord {
  const { model, message } = attempt;
  return { ...attempt, model: model && clip(model), message: message && clip(message) };
}

/** A copy: a part of a string would keep the whole. */
function clip(text: string): string {
  const bytes = Buffer.from(text.slice(0, mostOfOne));
  return text.length > mostOfOne ? `${bytes.toString()}…` : bytes.toString();
}
