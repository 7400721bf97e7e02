import type { Outcome } from "../../observe/outcome.ts";

/** Roughly, in the text of a question, and for each token of a streamed answer with all that stands around it. */
const questionBytesPerToken = 4;
const streamBytesPerToken = 200;
/** A question may hold pictures or sound, whose bytes say nothing about tokens. */
const mostGuessedForQuestion = 32_768;

/**
 * Tokens that a request has used, as its answer says it. A stream that ended without saying it, because its client left
 * or its endpoint does not count, is guessed by its length: else nobody would have to pay who hangs up in time.
 */
export function tokensOf({ usage, isStream, requestBytes, responseBytes }: Outcome): number {
  const input = usage?.input_tokens ?? 0;
  const output = usage?.output_tokens ?? 0;
  const told = Math.max(input + output, usage?.total_tokens ?? 0);
  if (told > 0 || !isStream) return told;
  const question = Math.min(mostGuessedForQuestion, Math.ceil(requestBytes / questionBytesPerToken));
  return question + Math.ceil(responseBytes / streamBytesPerToken);
}
