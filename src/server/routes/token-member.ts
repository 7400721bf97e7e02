import type { TokenTotals } from "../../observe/token-counts.ts";

type ShownTokens = Omit<TokenTotals, "reasoning">;

/** What answers have said about their tokens, for an entry of a status body; nothing where none has. */
export function tokenMember(...parts: readonly TokenTotals[]): object {
  const sum = parts.reduce<ShownTokens>(
    (total, part) => ({
      requests: total.requests + part.requests,
      input: total.input + part.input,
      output: total.output + part.output,
      cached: total.cached + part.cached,
    }),
    { requests: 0, input: 0, output: 0, cached: 0 },
  );
  return sum.requests === 0 ? {} : { tokens: sum };
}
