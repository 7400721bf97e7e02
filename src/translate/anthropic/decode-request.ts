import { isObject, type JsonObject } from "../../lib/json.ts";
import type { DecodedRequest } from "../chat-dialect.ts";
import type {
  AnswerFormat,
  AnswerLimits,
  ChatMessage,
  ReasoningWish,
  Sampling,
  ToolChoice,
  ToolDefinition,
} from "../chat-request.ts";
import { droppedToolsHeader } from "../dropped-tools.ts";
import { describeGot, invalid, optionalBoolean, optionalNumber } from "../invalid-request.ts";
import { filledText, objectsOf } from "../wire.ts";
import { decodeMessages } from "./decode-messages.ts";
import { decodeSystem } from "./decode-system.ts";
import { loadedTools } from "./deferred-tools.ts";

/**
 * A Messages request. What it does not know it leaves out, and never refuses.
 * Source: https://docs.anthropic.com/en/api/messages
 * @throws OllaError `invalid_request`
 */
export function decodeAnthropicRequest(body: JsonObject): DecodedRequest {
  const model = filledText(body.model);
  if (model === undefined) {
    const isMissing = body.model === undefined || body.model === null || body.model === "";
    throw invalid(
      "model",
      isMissing ? "model field is required" : `expected a text, got ${describeGot(body.model)}`,
    );
  }
  const { tools, dropped } = decodeTools(body);
  const isDropped = (name: string) =>
    !tools.some((tool) => tool.name === name) && objectsOf(body.tools).some((tool) => tool.name === name);
  const toolChoice = isObject(body.tool_choice) ? body.tool_choice : { type: body.tool_choice };
  return {
    request: {
      model,
      messages: [...readSystem(body.system), ...readMessages(body.messages)],
      tools,
      toolChoice: decodeToolChoice(toolChoice, isDropped),
      allowsParallelTools: toolChoice.disable_parallel_tool_use === true ? false : undefined,
      limits: decodeLimits(body),
      sampling: decodeSampling(body),
      answerFormat: decodeFormat(body),
      reasoning: decodeThinking(body.thinking),
      isStream: optionalBoolean(body.stream, "stream") ?? false,
      user: decodeUser(body.metadata),
    },
    notices: droppedToolsHeader(dropped),
    kept: undefined,
  };
}

function readMessages(messages: unknown): readonly ChatMessage[] {
  if (!Array.isArray(messages)) {
    throw invalid("messages", `expected a list of messages, got ${describeGot(messages)}`);
  }
  if (messages.length === 0) throw invalid("messages", "at least one message is required");
  const decoded = decodeMessages(messages);
  if (decoded.length === 0) throw invalid("messages", "expected at least one message with content");
  return decoded;
}

function readSystem(system: unknown): readonly ChatMessage[] {
  const text = decodeSystem(system);
  return text === "" ? [] : [{ role: "system", text }];
}

function decodeLimits(body: JsonObject): AnswerLimits {
  const { max_tokens: maxTokens } = body;
  if (typeof maxTokens !== "number" || !Number.isInteger(maxTokens) || maxTokens < 1) {
    const got = maxTokens === undefined ? "0" : describeGot(maxTokens);
    throw invalid("max_tokens", `max_tokens must be at least 1, got ${got}`);
  }
  return { maxTokens, stopSequences: decodeStops(body.stop_sequences) };
}

function decodeStops(stops: unknown): readonly string[] {
  if (stops === undefined || stops === null) return [];
  if (!Array.isArray(stops)) throw invalid("stop_sequences", `expected a list, got ${describeGot(stops)}`);
  return stops.map((stop, index) => {
    if (typeof stop === "string") return stop;
    throw invalid(`stop_sequences[${index}]`, `expected a text, got ${describeGot(stop)}`);
  });
}

function decodeSampling(body: JsonObject): Sampling {
  const topK = optionalNumber(body.top_k, "top_k", { min: 0 });
  if (topK !== undefined && !Number.isInteger(topK)) throw invalid("top_k", "expected a whole number");
  return {
    temperature: optionalNumber(body.temperature, "temperature", { min: 0, max: 2 }),
    topP: optionalNumber(body.top_p, "top_p", { min: 0, max: 1 }),
    topK,
  };
}

/** OpenAI takes no longer ones. Claude Code's are; they name a person, a session and an account at once. */
const userLimit = 64;

function decodeUser(metadata: unknown): string | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  if (!isObject(metadata)) throw invalid("metadata", `expected an object, got ${describeGot(metadata)}`);
  const user = filledText(metadata.user_id);
  return user !== undefined && user.length <= userLimit ? user : undefined;
}

/** Server-side tools have a type of their own and no schema: no local endpoint can run them. */
function decodeTools({ tools: given, messages }: JsonObject): { tools: ToolDefinition[]; dropped: string[] } {
  const kept: ToolDefinition[] = [];
  const dropped: string[] = [];
  const tools = given ?? [];
  if (!Array.isArray(tools)) throw invalid("tools", `expected a list, got ${describeGot(given)}`);
  const fieldOf = (tool: unknown) => `tools[${tools.indexOf(tool)}]`;
  for (const tool of loadedTools(tools, messages)) {
    if (!isObject(tool)) throw invalid(fieldOf(tool), `expected a tool, got ${describeGot(tool)}`);
    const { type, input_schema: schema } = tool;
    const name = filledText(tool.name);
    const isOwn = type === undefined || type === null || type === "custom" || isObject(schema);
    if (!isOwn) {
      dropped.push(filledText(type) ?? name ?? "unnamed");
      continue;
    }
    if (name === undefined) throw invalid(`${fieldOf(tool)}.name`, "expected a name");
    kept.push({
      name,
      description: filledText(tool.description),
      parameters: isObject(schema) ? schema : { type: "object", properties: {} },
      isStrict: typeof tool.strict === "boolean" ? tool.strict : undefined,
    });
  }
  return { tools: kept, dropped };
}

function decodeToolChoice(
  { type, name }: JsonObject,
  isDropped: (name: string) => boolean,
): ToolChoice | undefined {
  switch (type) {
    case undefined:
    case null:
      return undefined;
    case "any":
      return { kind: "required" };
    case "none":
      return { kind: "none" };
    case "tool": {
      const wanted = filledText(name);
      if (wanted === undefined) {
        throw invalid("tool_choice", "tool_choice type 'tool' requires 'name' field");
      }
      return isDropped(wanted) ? { kind: "auto" } : { kind: "tool", name: wanted };
    }
    default:
      return { kind: "auto" };
  }
}

/** `output_format`, or its newer place in `output_config`. */
function decodeFormat(body: JsonObject): AnswerFormat | undefined {
  const config = isObject(body.output_config) ? body.output_config.format : undefined;
  const format = config ?? body.output_format;
  if (!isObject(format) || format.type !== "json_schema" || !isObject(format.schema)) return undefined;
  return {
    kind: "schema",
    name: "answer",
    schema: format.schema,
    isStrict: true,
    description: undefined,
  };
}

function decodeThinking(thinking: unknown): ReasoningWish | undefined {
  if (!isObject(thinking)) return undefined;
  const budgetTokens = typeof thinking.budget_tokens === "number" ? thinking.budget_tokens : undefined;
  return { isOn: thinking.type !== "disabled", effort: undefined, budgetTokens };
}
