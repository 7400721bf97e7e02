import fc from "fast-check";

/** What a made-up endpoint says, in the order in which it says it. */
export interface RandomAnswer {
  readonly body: string;
  /** By the call's index, in order of their beginning. */
  readonly calls: readonly { readonly name: string; readonly id: string; readonly argumentsJson: string }[];
  readonly text: string;
  readonly thought: string;
}

const said = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });
const call = fc.record({
  name: fc.constantFrom("alpha", "beta"),
  input: fc.oneof(
    fc.constant({}),
    fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
  ),
  cuts: fc.array(fc.nat({ max: 60 }), { maxLength: 4 }),
});
const piece = fc.oneof(
  fc.record({ kind: fc.constantFrom("content", "reasoning", "reasoning_content"), text: said }),
  fc.record({ kind: fc.constant("call" as const), which: fc.nat({ max: 3 }) }),
);
const style = fc.constantFrom("by the book", "whole at index 0", "no index", "no index and no id");

type Call = { readonly name: string; readonly input: object; readonly cuts: readonly number[] };

/** Streams as different servers write them: calls interleaved where they have numbers, whole where they have none. */
export const randomAnswer: fc.Arbitrary<RandomAnswer> = fc
  .tuple(style, fc.array(call, { maxLength: 4 }), fc.array(piece, { maxLength: 25 }), fc.boolean())
  .map(([wireStyle, calls, pieces, hasUsage]) => writeAnswer(wireStyle, calls, pieces, hasUsage));

function writeAnswer(
  wireStyle: string,
  calls: readonly Call[],
  pieces: readonly (
    | { kind: "content" | "reasoning" | "reasoning_content"; text: string }
    | { kind: "call"; which: number }
  )[],
  hasUsage: boolean,
): RandomAnswer {
  const deltas: object[] = [];
  const begun: Call[] = [];
  const left = new Map<Call, string[]>();
  let text = "";
  let thought = "";
  const sayPiece = (one: Call) => {
    const index = begun.includes(one) ? begun.indexOf(one) : begun.push(one) - 1;
    const parts = left.get(one) ?? cut(JSON.stringify(one.input), one.cuts);
    const isFirst = !left.has(one);
    const isWhole = wireStyle !== "by the book";
    const argumentsJson = isWhole ? parts.splice(0).join("") : (parts.shift() ?? "");
    left.set(one, parts);
    if (!isFirst && argumentsJson === "") return;
    deltas.push({
      tool_calls: [
        {
          ...(wireStyle === "by the book" && { index }),
          ...(wireStyle === "whole at index 0" && { index: 0 }),
          ...(isFirst && wireStyle !== "no index and no id" && { id: `call_${index}` }),
          function: { ...(isFirst && { name: one.name }), arguments: argumentsJson },
        },
      ],
    });
  };
  for (const each of pieces) {
    if (each.kind === "call") {
      const one = calls[each.which];
      if (one !== undefined) sayPiece(one);
      continue;
    }
    deltas.push({ [each.kind]: each.text });
    if (each.kind === "content") text += each.text;
    else thought += each.text;
  }
  for (const one of begun) while ((left.get(one)?.length ?? 0) > 0) sayPiece(one);
  const chunks: object[] = deltas.map((delta) => ({ model: "m", choices: [{ index: 0, delta }] }));
  chunks.push({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  if (hasUsage) chunks.push({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 9 } });
  return {
    body: `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`,
    calls: begun.map(({ name, input }, index) => ({
      name,
      id: wireStyle === "no index and no id" ? "" : `call_${index}`,
      argumentsJson: JSON.stringify(input),
    })),
    text,
    thought,
  };
}

function cut(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((place) => place % text.length))].sort(
    (first, second) => first - second,
  );
  return [0, ...places]
    .map((place, index) => text.slice(place, [...places, text.length][index]))
    .filter((part) => part !== "");
}
