import { anthropicVersion } from "../../../endpoints/question-headers.ts";
import type { JsonObject } from "../../../lib/json.ts";
import type {
  AnswerFormat,
  ChatMessage,
  ChatRequest,
  ReasoningWish,
  ToolChoice,
} from "../../chat-request.ts";
import type { TranslatedRequest, TranslationTarget } from "../../client-api.ts";
import { toJsonBytes } from "../../wire.ts";
import { encodeMessages } from "./encode-messages.ts";

/** The fewest tokens that can be set aside for thinking. */
const smallestBudget = 1_024;

/**
 * A request as the Messages API takes it. What that has no words for (a seed, penalties, `min_p`) is left out.
 * Source: https://docs.anthropic.com/en/api/messages
 * @throws OllaError `not_supported` for sound
 */
export function encodeAnthropicRequest(request: ChatRequest, target: TranslationTarget): TranslatedRequest {
  const { profile, model } = target;
  const { limits, sampling, answerFormat, reasoning, user } = request;
  const defaults = readDefaults(target.defaults);
  const { system, messages } = encodeMessages(request.messages);
  const budget = budgetFor(request);
  const maxTokens = limits.maxTokens ?? defaults.max_tokens ?? defaultLimit(profile.anthropic, budget);
  const thinking = thinkingMember(reasoning, budget, maxTokens);
  const stops = limits.stopSequences.filter((stop) => stop.trim() !== "");
  const body: Record<string, unknown> = {
    model,
    max_tokens: maxTokens,
    ...(system !== undefined && { system }),
    messages,
    ...toolMembers(request),
    ...(stops.length > 0 && { stop_sequences: stops }),
    // Thinking allows no other.
    ...(thinking?.type !== "enabled" && {
      temperature: sampling.temperature === undefined ? undefined : Math.min(1, sampling.temperature),
      top_p: sampling.topP,
      top_k: sampling.topK,
    }),
    ...(thinking && { thinking }),
    ...outputMember(answerFormat, reasoning),
    ...(user !== undefined && { metadata: { user_id: user } }),
    stream: request.isStream,
  };
  for (const [name, value] of Object.entries(defaults)) body[name] ??= value;
  if (answerFormat?.kind === "json") body.system = withJsonWish(body.system);
  const path = profile.anthropic?.messagesPath ?? "/v1/messages";
  return { path, headers: [["anthropic-version", anthropicVersion]], body: toJsonBytes(body) };
}

/** What chat completions call otherwise, in which an alias's `params` are written. */
function readDefaults(defaults: TranslationTarget["defaults"]): JsonObject {
  const { max_completion_tokens: newer, stop, ...others } = defaults ?? {};
  return {
    ...(newer !== undefined && { max_tokens: newer }),
    ...(stop !== undefined && { stop_sequences: typeof stop === "string" ? [stop] : stop }),
    ...others,
  };
}

/** Thinking counts for the limit, so a limit of ours leaves room for it. */
function defaultLimit(
  support: TranslationTarget["profile"]["anthropic"],
  budget: number | undefined,
): number {
  return (support?.defaultMaxTokens ?? 4_096) + (budget ?? 0);
}

/** Undefined where the client set no tokens aside for thinking, or the API would not allow any. */
function budgetFor({ messages, reasoning, toolChoice }: ChatRequest): number | undefined {
  if (reasoning?.isOn !== true || reasoning.budgetTokens === undefined) return undefined;
  const isForced = toolChoice?.kind === "tool" || toolChoice?.kind === "required";
  return isForced || hasLostThought(messages)
    ? undefined
    : Math.max(smallestBudget, Math.round(reasoning.budgetTokens));
}

/** Between a call and its result the thought before the call is needed, with the endpoint's own signature. */
function hasLostThought(messages: readonly ChatMessage[]): boolean {
  const last = messages.findLast(({ role }) => role !== "tool" && role !== "system");
  if (last?.role !== "assistant") return false;
  return !last.parts.some((part) => part.kind === "reasoning" && part.signature !== undefined);
}

function thinkingMember(
  reasoning: ReasoningWish | undefined,
  budget: number | undefined,
  maxTokens: unknown,
): JsonObject | undefined {
  if (reasoning?.isOn === false) return { type: "disabled" };
  if (budget === undefined) return undefined;
  const room = typeof maxTokens === "number" ? maxTokens - 1 : budget;
  return room < smallestBudget ? undefined : { type: "enabled", budget_tokens: Math.min(budget, room) };
}

/** What other dialects call the least of all efforts is less than this API has a word for. */
const efforts: Readonly<Record<string, string>> = { minimal: "low" };

function outputMember(format: AnswerFormat | undefined, reasoning: ReasoningWish | undefined): JsonObject {
  const effort = reasoning?.isOn === true ? reasoning.effort : undefined;
  const members = {
    ...(effort !== undefined && { effort: efforts[effort] ?? effort }),
    ...(format?.kind === "schema" && { format: { type: "json_schema", schema: format.schema } }),
  };
  return Object.keys(members).length === 0 ? {} : { output_config: members };
}

/** JSON without a schema is nothing that this API could be asked for in any other way. */
function withJsonWish(system: unknown): string {
  const wish = "Answer with one JSON object and nothing else.";
  return typeof system === "string" ? `${system}\n\n${wish}` : wish;
}

function toolMembers({ tools, toolChoice, allowsParallelTools, messages }: ChatRequest): JsonObject {
  const declared = tools.map(({ name, description, parameters, isStrict }) => ({
    name,
    ...(description !== undefined && { description }),
    input_schema: Object.hasOwn(parameters, "type") ? parameters : { type: "object", ...parameters },
    ...(isStrict === true && { strict: true }),
  }));
  if (declared.length === 0) return calledTools(messages);
  const choice = encodeChoice(toolChoice, allowsParallelTools);
  return { tools: declared, ...(choice && { tool_choice: choice }) };
}

/** A conversation with calls is refused unless their tools are declared, even when none may be called any more. */
function calledTools(messages: readonly ChatMessage[]): JsonObject {
  const names = new Set(
    messages.flatMap((message) =>
      message.role === "assistant"
        ? message.parts.flatMap((part) => (part.kind === "tool-call" ? [part.name] : []))
        : [],
    ),
  );
  if (names.size === 0) return {};
  const tools = [...names].map((name) => ({ name, input_schema: { type: "object", properties: {} } }));
  return { tools, tool_choice: { type: "none" } };
}

function encodeChoice(
  choice: ToolChoice | undefined,
  allowsParallel: boolean | undefined,
): JsonObject | undefined {
  const alone = allowsParallel === false ? { disable_parallel_tool_use: true } : {};
  switch (choice?.kind) {
    case undefined:
      return allowsParallel === false ? { type: "auto", ...alone } : undefined;
    case "none":
      return { type: "none" };
    case "required":
      return { type: "any", ...alone };
    case "auto":
      return { type: "auto", ...alone };
    case "tool":
      return { type: "tool", name: choice.name, ...alone };
  }
}
