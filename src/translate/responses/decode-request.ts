import { OllaError } from "../../errors.ts";
import type { AnswerFormat, ChatMessage, ChatRequest, ReasoningWish } from "../chat-request.ts";
import { invalid, optionalNumber } from "../invalid-request.ts";
import { filledText, isObject, type JsonObject } from "../wire.ts";
import { decodeItems, itemsOfInput } from "./decode-items.ts";
import { type DecodedTools, decodeToolChoice, decodeTools } from "./decode-tools.ts";
import type { ConversationItems, ResponseStore } from "./response-store.ts";

/** A Responses request, and what its answer is written and kept with. */
export interface DecodedResponsesRequest {
  readonly request: ChatRequest;
  readonly tools: DecodedTools;
  /** Everything said so far, this request's input included. */
  readonly conversation: ConversationItems;
}

/**
 * Source: https://platform.openai.com/docs/api-reference/responses/create
 * @throws OllaError `invalid_request`, `previous_response_not_found`
 */
export function decodeResponsesRequest(body: JsonObject, store: ResponseStore): DecodedResponsesRequest {
  const model = filledText(body.model);
  if (model === undefined) throw invalid("model", "expected the name of a model");
  const conversation = [...findPrevious(body.previous_response_id, store), ...itemsOfInput(body.input)];
  const tools = decodeTools(body.tools);
  const request: ChatRequest = {
    model,
    messages: withInstructions(body.instructions, decodeItems(conversation)),
    tools: tools.tools,
    toolChoice: decodeToolChoice(body.tool_choice, tools),
    allowsParallelTools: typeof body.parallel_tool_calls === "boolean" ? body.parallel_tool_calls : undefined,
    limits: {
      maxTokens: optionalNumber(body.max_output_tokens, "max_output_tokens", { min: 1 }),
      stopSequences: [],
    },
    sampling: {
      temperature: optionalNumber(body.temperature, "temperature", { min: 0, max: 2 }),
      topP: optionalNumber(body.top_p, "top_p", { min: 0, max: 1 }),
    },
    answerFormat: decodeFormat(body.text),
    reasoning: decodeReasoning(body.reasoning),
    isStream: body.stream === true,
    user: filledText(body.user),
  };
  return { request, tools, conversation };
}

function findPrevious(id: unknown, store: ResponseStore): ConversationItems {
  const wanted = filledText(id);
  if (wanted === undefined) return [];
  const items = store.find(wanted);
  if (items !== undefined) return items;
  const message = `Previous response with id '${wanted.slice(0, 100)}' not found: send the whole conversation as input`;
  throw new OllaError("previous_response_not_found", message, { field: "previous_response_id" });
}

/** A probe may have nothing to say; chat models want at least one message. */
function withInstructions(instructions: unknown, messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const text = filledText(instructions);
  const said: readonly ChatMessage[] =
    messages.length > 0 ? messages : [{ role: "user", parts: [{ kind: "text", text: "" }] }];
  return text === undefined ? said : [{ role: "system", text }, ...said];
}

function decodeFormat(text: unknown): AnswerFormat | undefined {
  const format = isObject(text) && isObject(text.format) ? text.format : undefined;
  if (format?.type === "json_object") return { kind: "json" };
  if (format?.type !== "json_schema" || !isObject(format.schema)) return undefined;
  return {
    kind: "schema",
    name: filledText(format.name) ?? "answer",
    schema: format.schema,
    isStrict: typeof format.strict === "boolean" ? format.strict : undefined,
    description: filledText(format.description),
  };
}

function decodeReasoning(reasoning: unknown): ReasoningWish | undefined {
  const effort = isObject(reasoning) ? filledText(reasoning.effort) : undefined;
  if (effort === undefined) return undefined;
  return { isOn: effort !== "none", effort, budgetTokens: undefined };
}
