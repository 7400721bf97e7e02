import { noTokens, type TokenTotals } from "../../observe/token-counts.ts";

/** What answers have said about their tokens, for an entry of a status body; nothing where none has. */
export function tokenMember(...parts: readonly TokenTotals[]): object {
  const sum = parts.reduce(
    (total, part) => ({
      requests: total.requests + part.requests,
      input: total.input + part.input,
      output: total.output + part.output,
      cached: total.cached + part.cached,
    }),
    noTokens,
  );
  return sum.requests === 0 ? {} : { tokens: sum };
}
