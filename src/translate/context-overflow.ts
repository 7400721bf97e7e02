import type { JsonObject } from "../lib/json.ts";
import type { Refusal } from "./client-api.ts";
import { count } from "./wire.ts";

/** A prompt that is longer than a model can take, as some backend said it. Members are undefined where it names no number. */
export interface ContextOverflow {
  /** Tokens. */
  readonly promptTokens: number | undefined;
  /** Tokens that the backend was asked to write besides. */
  readonly answerTokens: number | undefined;
  /** Tokens that fit. */
  readonly maxTokens: number | undefined;
}

type Wording = readonly [backend: string, pattern: RegExp];

/** In the groups: how long the `prompt` is, how long the `answer` may be, the `total`, and how much fits (`max`). */
const wordings: readonly Wording[] = [
  [
    "vLLM, OpenAI",
    /maximum context length (?:is|of) (?<max>\d+) tokens.*?requested (?<total>\d+) tokens \((?<prompt>\d+) in the messages, (?<answer>\d+) in the completion/is,
  ],
  [
    "vLLM 0.15",
    /maximum context length is (?<max>\d+) tokens.*?your request has (?<prompt>\d+) input tokens(?: plus (?<answer>\d+))?/is,
  ],
  [
    "vLLM 0.18",
    /maximum context length is (?<max>\d+) tokens.*?requested (?<answer>\d+) output tokens and your prompt contains at least (?<prompt>\d+) input tokens/is,
  ],
  [
    "OpenAI",
    /maximum context length is (?<max>\d+) tokens.*?(?:resulted in|you requested) (?<prompt>\d+) tokens/is,
  ],
  [
    "vLLM engine",
    /prompt \(?.*?length (?:of )?(?<prompt>\d+)\)? (?:is longer than|exceeds) .*?(?<max>\d+)/is,
  ],
  [
    "SGLang",
    /input \((?<prompt>\d+) tokens\) is longer than the model's context length \((?<max>\d+) tokens\)/i,
  ],
  [
    "SGLang",
    /requested token count exceeds .*?maximum context length of (?<max>\d+) tokens.*?a total of (?<prompt>\d+) tokens/is,
  ],
  [
    "SGLang",
    /input length \((?<prompt>\d+) tokens\) exceeds the maximum allowed length \((?<max>\d+) tokens\)/i,
  ],
  [
    "llama.cpp",
    /request \((?<prompt>\d+) tokens\) exceeds the available context size \((?<max>\d+) tokens\)/i,
  ],
  ["llama.cpp before b6800", /exceeds the available context size/i],
  ["llama-cpp-python", /requested tokens \((?<prompt>\d+)\) exceed context window of (?<max>\d+)/i],
  [
    "LM Studio",
    /trying to keep the first (?<prompt>\d+) tokens when context the overflows.*?context length of only (?<max>\d+)/is,
  ],
  ["LM Studio", /n_keep:? \(?(?<prompt>\d+)\)? ?>= ?n_ctx:? \(?(?<max>\d+)\)?/i],
  ["LM Studio", /tokens to keep from the initial prompt is greater than the context length/i],
  ["oMLX", /prompt too long: (?<prompt>\d+) tokens exceeds max context window of (?<max>\d+) tokens/i],
  ["Ollama", /(?:input|prompt) (?:length )?exceeds (?:the |maximum )?context (?:length|window|size)/i],
  ["Anthropic", /prompt is too long: (?<prompt>\d+) tokens > (?<max>\d+) maximum/i],
  [
    "any other",
    /context[_ ]length[_ ]exceeded|exceed(?:s|ed)? (?:the )?(?:model's )?(?:maximum )?context (?:length|window|size)/i,
  ],
];

const overflowStatuses: ReadonlySet<number> = new Set([400, 413, 422, 500]);

/** Undefined for every other refusal. */
export function findContextOverflow({ status, message, detail }: Refusal): ContextOverflow | undefined {
  if (!overflowStatuses.has(status)) return undefined;
  for (const [, pattern] of wordings) {
    const groups = pattern.exec(message);
    if (groups !== null) return withNumbers(groups.groups ?? {}, detail);
  }
  return undefined;
}

/** What Claude Code and other agents of that dialect know how to mend. The backend's own words follow. */
export function anthropicOverflowMessage(overflow: ContextOverflow, message: string): string {
  const { promptTokens, maxTokens } = overflow;
  if (promptTokens === undefined || maxTokens === undefined) return `prompt is too long (${message})`;
  return `prompt is too long: ${promptTokens} tokens > ${maxTokens} maximum (${message})`;
}

function withNumbers(
  groups: Readonly<Record<string, string | undefined>>,
  detail: JsonObject | undefined,
): ContextOverflow {
  const prompt = numberOf(groups.prompt) ?? count(detail?.n_prompt_tokens);
  return {
    promptTokens: prompt,
    answerTokens: numberOf(groups.answer),
    maxTokens: numberOf(groups.max) ?? count(detail?.n_ctx),
  };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
