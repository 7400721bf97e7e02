import { isObject, type JsonObject } from "../../lib/json.ts";
import type { AssistantPart, ChatMessage, ReasoningPart, ToolMessage } from "../chat-request.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import { filledText, objectsOf } from "../wire.ts";
import { decodeContent, decodeSaid, textPart } from "./decode-content.ts";
import { type DecodedTools, freeTextMember, toolSearchName } from "./decode-tools.ts";

/** One item of a conversation, and what to call it in an error message. */
export interface PlacedItem {
  readonly item: JsonObject;
  readonly field: string;
}

/** What a Responses request has in `input`: a text, or items. @throws OllaError for something that is neither */
export function itemsOfInput(input: unknown): readonly PlacedItem[] {
  if (input === undefined || input === null || input === "") return [];
  if (typeof input === "string") return [{ item: userItem(input), field: "input" }];
  if (!Array.isArray(input)) {
    throw invalid("input", `expected a text or a list of items, got ${describeGot(input)}`);
  }
  return input.map((given: unknown, index) => {
    const field = `input[${index}]`;
    const item = typeof given === "string" ? userItem(given) : given;
    if (!isObject(item)) throw invalid(field, `expected an item, got ${describeGot(item)}`);
    return { item, field };
  });
}

function userItem(content: string): JsonObject {
  return { type: "message", role: "user", content };
}

/** Some clients leave the type of a message out, and the type of a reference may be. */
export function typeOfItem({ type, role, id }: JsonObject): unknown {
  if (type !== undefined && type !== null) return type;
  if (role !== undefined) return "message";
  return id === undefined ? undefined : "item_reference";
}

/**
 * Items in their order as messages. What one turn of the model said, thought and called becomes one message, and what
 * its calls came to stands right behind it, in the order of the calls: many chat templates allow nothing else. Kinds
 * of items that no chat model knows are left out.
 * Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
 * @throws OllaError `invalid_request`
 */
export function decodeItems(items: readonly PlacedItem[], tools: DecodedTools): readonly ChatMessage[] {
  return new ItemReader(items, tools).read();
}

const resultTypes: ReadonlySet<unknown> = new Set([
  "function_call_output",
  "custom_tool_call_output",
  "tool_search_output",
]);

class ItemReader {
  readonly #items: readonly PlacedItem[];
  readonly #tools: DecodedTools;
  readonly #messages: ChatMessage[] = [];
  /** What is left of the results, by the id of their call: there are servers that begin at `call_0` every time. */
  readonly #results: Map<string, ToolMessage[]>;
  #turn: AssistantPart[] = [];

  constructor(items: readonly PlacedItem[], tools: DecodedTools) {
    this.#items = items;
    this.#tools = tools;
    this.#results = collectResults(items);
  }

  read(): readonly ChatMessage[] {
    const called = new Set<string>();
    for (const placed of this.#items) {
      const { item, field } = placed;
      const said = this.#decodeSaid(placed);
      if (said !== undefined) {
        for (const part of said) if (part.kind === "tool-call") called.add(part.id);
        this.#turn.push(...said);
      } else if (resultTypes.has(typeOfItem(item))) {
        this.#endTurn();
        refuseOrphan(item, field, called);
      } else {
        const message = decodeMessage(placed);
        if (message === undefined) continue;
        this.#endTurn();
        this.#messages.push(message);
      }
    }
    this.#endTurn();
    return this.#messages;
  }

  /** Undefined for an item that the model did not say. */
  #decodeSaid({ item, field }: PlacedItem): readonly AssistantPart[] | undefined {
    switch (typeOfItem(item)) {
      case "message":
        return item.role === "assistant" ? decodeSaid(item.content) : undefined;
      case "function_call":
        return [this.#decodeCall(item, field, filledText(item.arguments) ?? "{}")];
      case "custom_tool_call": {
        const text = typeof item.input === "string" ? item.input : "";
        return [this.#decodeCall(item, field, JSON.stringify({ [freeTextMember]: text }))];
      }
      case "tool_search_call":
        // Without an id it was run by the server.
        return filledText(item.call_id) === undefined
          ? []
          : [
              this.#decodeCall(
                { ...item, name: toolSearchName },
                field,
                JSON.stringify(item.arguments ?? {}),
              ),
            ];
      case "reasoning":
        return decodeReasoning(item);
      default:
        return undefined;
    }
  }

  #decodeCall(item: JsonObject, field: string, argumentsJson: string): AssistantPart {
    const id = filledText(item.call_id) ?? filledText(item.id);
    if (id === undefined) throw invalid(`${field}.call_id`, "expected the id of the call");
    const name = filledText(item.name);
    if (name === undefined) throw invalid(`${field}.name`, "expected the name of the tool");
    const namespace = filledText(item.namespace);
    return {
      kind: "tool-call",
      id,
      name: this.#tools.names.flatNameOf({ name, namespace }),
      argumentsJson,
    };
  }

  #endTurn(): void {
    const parts = this.#turn;
    this.#turn = [];
    // Thoughts alone are no message.
    if (!parts.some(({ kind }) => kind !== "reasoning")) return;
    this.#messages.push({ role: "assistant", parts });
    for (const part of parts) {
      const result = part.kind === "tool-call" ? this.#results.get(part.id)?.shift() : undefined;
      if (result !== undefined) this.#messages.push(result);
    }
  }
}

function collectResults(items: readonly PlacedItem[]): Map<string, ToolMessage[]> {
  const results = new Map<string, ToolMessage[]>();
  for (const { item, field } of items) {
    if (!resultTypes.has(typeOfItem(item))) continue;
    const callId = filledText(item.call_id) ?? "";
    const parts = typeOfItem(item) === "tool_search_output" ? foundTools(item) : decodeOutput(item, field);
    const known = results.get(callId) ?? [];
    known.push({ role: "tool", callId, parts, isError: false });
    results.set(callId, known);
  }
  return results;
}

/** As OpenAI does: a chat template fails on it with words that nobody understands, or leaves it out. */
function refuseOrphan(item: JsonObject, field: string, called: ReadonlySet<string>): void {
  const callId = filledText(item.call_id);
  if (callId !== undefined && called.has(callId)) return;
  if (callId === undefined && typeOfItem(item) === "tool_search_output") return;
  throw invalid(
    `${field}.call_id`,
    `no tool call found for this output (${callId?.slice(0, 100) ?? "it has no call_id"})`,
  );
}

function decodeMessage({ item, field }: PlacedItem): ChatMessage | undefined {
  if (typeOfItem(item) !== "message") return undefined;
  const parts = decodeContent(item.content, `${field}.content`);
  switch (item.role) {
    case "system":
    case "developer": {
      const text = parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n");
      return text === "" ? undefined : { role: "system", text };
    }
    case "user":
      return parts.length === 0 ? undefined : { role: "user", parts };
    default:
      throw invalid(`${field}.role`, "expected user, assistant, system or developer");
  }
}

function decodeOutput({ output }: JsonObject, field: string): ToolMessage["parts"] {
  if (typeof output === "string" || Array.isArray(output)) return decodeContent(output, `${field}.output`);
  return output === undefined || output === null ? [] : [textPart(JSON.stringify(output))];
}

/** The tools themselves are among those of the request from here on. */
function foundTools({ tools }: JsonObject): ToolMessage["parts"] {
  const names = objectsOf(tools).map(({ name }) => filledText(name) ?? "");
  return [textPart(JSON.stringify({ found: names.filter((name) => name !== "") }))];
}

function decodeReasoning({ content, summary }: JsonObject): readonly ReasoningPart[] {
  const texts = objectsOf(content).length > 0 ? objectsOf(content) : objectsOf(summary);
  const text = texts.map((part) => filledText(part.text) ?? "").join("\n");
  return text === "" ? [] : [{ kind: "reasoning", text }];
}
