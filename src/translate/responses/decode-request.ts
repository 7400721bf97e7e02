import { OllaError } from "../../errors.ts";
import { isObject, type JsonObject } from "../../lib/json.ts";
import type { AnswerFormat, ChatMessage, ChatRequest, ReasoningWish } from "../chat-request.ts";
import { describeGot, invalid, optionalNumber } from "../invalid-request.ts";
import { schemaFormat } from "../openai/schema-format.ts";
import { filledText } from "../wire.ts";
import { decodeItems, itemsOfInput, type PlacedItem, typeOfItem } from "./decode-items.ts";
import { type DecodedTools, decodeToolChoice, decodeTools, type ToolList } from "./decode-tools.ts";
import type { ConversationItems, ResponseStore } from "./response-store.ts";

/** A Responses request, and what its answer is written and kept with. */
export interface DecodedResponsesRequest {
  readonly request: ChatRequest;
  readonly tools: DecodedTools;
  /** What this request has added to the conversation, with no references in it. */
  readonly input: ConversationItems;
  /** What it goes on from. */
  readonly previousId: string | undefined;
}

/**
 * Instructions are those of this request: the ones of the response that it goes on from do not count any more.
 * Source: https://platform.openai.com/docs/api-reference/responses/create
 * @throws OllaError `invalid_request`, `previous_response_not_found`
 */
export function decodeResponsesRequest(body: JsonObject, store: ResponseStore): DecodedResponsesRequest {
  const model = filledText(body.model);
  if (model === undefined) throw invalid("model", "expected the name of a model");
  refuseStrangers(body);
  const previousId = filledText(body.previous_response_id);
  const input = resolveReferences(itemsOfInput(body.input), store);
  const conversation = [...findPrevious(previousId, store), ...input];
  const tools = decodeTools([{ field: "tools", tools: body.tools }, ...toolsAmong(conversation)]);
  const toolUse = decodeToolChoice(body.tool_choice, tools);
  const request: ChatRequest = {
    model,
    messages: withInstructions(body.instructions, decodeItems(conversation, tools)),
    tools: toolUse.tools,
    toolChoice: toolUse.choice,
    allowsParallelTools: typeof body.parallel_tool_calls === "boolean" ? body.parallel_tool_calls : undefined,
    limits: {
      maxTokens: optionalNumber(body.max_output_tokens, "max_output_tokens", { min: 1 }),
      stopSequences: [],
    },
    sampling: {
      temperature: optionalNumber(body.temperature, "temperature", { min: 0, max: 2 }),
      topP: optionalNumber(body.top_p, "top_p", { min: 0, max: 1 }),
      presencePenalty: optionalNumber(body.presence_penalty, "presence_penalty", { min: -2, max: 2 }),
      frequencyPenalty: optionalNumber(body.frequency_penalty, "frequency_penalty", { min: -2, max: 2 }),
    },
    answerFormat: decodeFormat(body.text),
    reasoning: decodeReasoning(body.reasoning),
    isStream: body.stream === true,
    user: filledText(body.user),
  };
  return { request, tools, input: input.map(({ item }) => item), previousId };
}

/** What stands at OpenAI only: left out, the model would answer to less than it was asked. */
function refuseStrangers({ conversation, prompt }: JsonObject): void {
  if (conversation !== undefined && conversation !== null) {
    throw invalid("conversation", "no conversations are kept here, go on with previous_response_id");
  }
  if (prompt !== undefined && prompt !== null) {
    throw invalid("prompt", "no prompts are kept here, send its text as instructions");
  }
}

function findPrevious(id: string | undefined, store: ResponseStore): readonly PlacedItem[] {
  if (id === undefined) return [];
  const items = store.findConversation(id);
  if (items !== undefined) return items.map((item) => ({ item, field: "previous_response_id" }));
  const message = `Previous response with id '${id.slice(0, 100)}' not found: send the whole conversation as input`;
  throw new OllaError("previous_response_not_found", message, { field: "previous_response_id" });
}

function resolveReferences(items: readonly PlacedItem[], store: ResponseStore): readonly PlacedItem[] {
  return items.map((placed) => {
    const { item, field } = placed;
    if (typeOfItem(item) !== "item_reference") return placed;
    const id = filledText(item.id) ?? "";
    const found = store.findItem(id);
    if (found !== undefined) return { item: found, field };
    throw invalid(`${field}.id`, `item with id '${id.slice(0, 100)}' not found, send the item itself`);
  });
}

/** Tools that came up on the way. */
function toolsAmong(items: readonly PlacedItem[]): readonly ToolList[] {
  return items.flatMap(({ item, field }) => {
    const type = typeOfItem(item);
    const hasTools = type === "additional_tools" || type === "tool_search_output";
    return hasTools ? [{ field: `${field}.tools`, tools: item.tools }] : [];
  });
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
  if (format?.type !== "json_schema") return undefined;
  if (!isObject(format.schema)) {
    throw invalid("text.format.schema", `expected a JSON schema, got ${describeGot(format.schema)}`);
  }
  return schemaFormat(format, format.schema);
}

function decodeReasoning(reasoning: unknown): ReasoningWish | undefined {
  const effort = isObject(reasoning) ? filledText(reasoning.effort) : undefined;
  if (effort === undefined) return undefined;
  return { isOn: effort !== "none", effort, budgetTokens: undefined };
}
