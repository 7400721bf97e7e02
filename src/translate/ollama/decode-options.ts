import { isObject, type JsonObject } from "../../lib/json.ts";
import type { AnswerFormat, AnswerLimits, ReasoningWish, Sampling } from "../chat-request.ts";
import { filledText } from "../wire.ts";

/** What `options` and its neighbours ask for. Source: https://github.com/ollama/ollama/blob/main/docs/api.md */
export interface DecodedOptions {
  readonly limits: AnswerLimits;
  readonly sampling: Sampling;
  readonly answerFormat: AnswerFormat | undefined;
  readonly reasoning: ReasoningWish | undefined;
}

export function decodeOptions({ options, format, think }: JsonObject): DecodedOptions {
  const given = isObject(options) ? options : {};
  return {
    limits: { maxTokens: positive(given.num_predict), stopSequences: textsOf(given.stop) },
    sampling: {
      temperature: number(given.temperature),
      topP: number(given.top_p),
      topK: number(given.top_k),
      minP: number(given.min_p),
      seed: number(given.seed),
      presencePenalty: number(given.presence_penalty),
      frequencyPenalty: number(given.frequency_penalty),
      repeatPenalty: number(given.repeat_penalty),
    },
    answerFormat: decodeFormat(format),
    reasoning: decodeThink(think),
  };
}

function decodeFormat(format: unknown): AnswerFormat | undefined {
  if (format === "json") return { kind: "json" };
  if (!isObject(format)) return undefined;
  return { kind: "schema", name: "answer", schema: format, isStrict: undefined, description: undefined };
}

function decodeThink(think: unknown): ReasoningWish | undefined {
  if (typeof think === "boolean") return { isOn: think, effort: undefined, budgetTokens: undefined };
  const effort = filledText(think);
  return effort === undefined ? undefined : { isOn: true, effort, budgetTokens: undefined };
}

/** -1 and -2 mean "as many as it takes". */
function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? Math.floor(value) : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return texts.filter((text) => typeof text === "string");
}
