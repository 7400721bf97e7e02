import type { Outcome } from "./outcome.ts";
import { ttftOf } from "./request-row.ts";

/** Milliseconds from the last send to the first byte that the client got of a stream; undefined where nobody saw it. */
export function upstreamTtftOf(outcome: Outcome): number | undefined {
  const firstSentMs = outcome.milestones?.firstSentMs;
  const startedMs = outcome.attempts.at(-1)?.startedMs;
  // What the endpoint says of itself knows nothing of waiting here.
  if (firstSentMs === undefined || startedMs === undefined) return ttftOf(outcome);
  return outcome.isStream && outcome.ending !== "rejected" ? firstSentMs - startedMs : undefined;
}

/** Milliseconds for each token after the first, of a stream that came to its end. */
export function timePerTokenOf(outcome: Outcome): number | undefined {
  const tokens = outcome.usage?.output_tokens;
  if (tokens === undefined || tokens < 2 || outcome.ending !== "complete") return undefined;
  const ttftMs = ttftOf(outcome);
  return ttftMs === undefined ? undefined : (outcome.durationMs - ttftMs) / (tokens - 1);
}

/** Milliseconds from an attempt's send to the end of the answer that it brought. */
export function answerMsOf(attemptMs: number, { durationMs, headMs }: Outcome): number {
  return attemptMs + (headMs === undefined ? 0 : Math.max(0, durationMs - headMs));
}
