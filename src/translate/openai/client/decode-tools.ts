import { isObject, type JsonObject } from "../../../lib/json.ts";
import type { ToolChoice, ToolDefinition } from "../../chat-request.ts";
import { describeGot, invalid } from "../../invalid-request.ts";
import { filledText, objectsOf } from "../../wire.ts";

export interface DecodedTools {
  readonly tools: readonly ToolDefinition[];
  readonly choice: ToolChoice | undefined;
  /** What is no function, and so nothing that other dialects could declare. */
  readonly dropped: readonly string[];
}

/** @throws OllaError `invalid_request` */
export function decodeTools(body: JsonObject): DecodedTools {
  if (body.functions !== undefined || body.function_call !== undefined) {
    throw invalid("functions", "this model's endpoint has no functions of the old kind, send tools instead");
  }
  const given = body.tools ?? [];
  if (!Array.isArray(given)) throw invalid("tools", `expected a list, got ${describeGot(given)}`);
  const tools: ToolDefinition[] = [];
  const dropped: string[] = [];
  for (const [index, tool] of given.entries()) {
    const field = `tools[${index}]`;
    if (!isObject(tool)) throw invalid(field, `expected a tool, got ${describeGot(tool)}`);
    if (isObject(tool.function)) tools.push(decodeFunction(tool.function, field));
    else dropped.push(filledText(tool.type) ?? "unnamed");
  }
  const { tool_choice: wanted } = body;
  const allowed = allowedNames(wanted);
  const left = allowed === undefined ? tools : tools.filter(({ name }) => allowed.has(name));
  return { tools: left, choice: decodeChoice(wanted, left), dropped };
}

function decodeFunction(given: JsonObject, field: string): ToolDefinition {
  const name = filledText(given.name);
  if (name === undefined) throw invalid(`${field}.function.name`, "expected a name");
  return {
    name,
    description: filledText(given.description),
    parameters: isObject(given.parameters) ? given.parameters : { type: "object", properties: {} },
    isStrict: typeof given.strict === "boolean" ? given.strict : undefined,
  };
}

/** Undefined where all tools may be called. */
function allowedNames(wanted: unknown): ReadonlySet<unknown> | undefined {
  const allowed = isObject(wanted) && wanted.type === "allowed_tools" ? wanted.allowed_tools : undefined;
  if (!isObject(allowed)) return undefined;
  return new Set(
    objectsOf(allowed.tools).map((tool) => (isObject(tool.function) ? tool.function.name : undefined)),
  );
}

function decodeChoice(wanted: unknown, tools: readonly ToolDefinition[]): ToolChoice | undefined {
  if (wanted === undefined || wanted === null) return undefined;
  if (wanted === "auto" || wanted === "none" || wanted === "required") return { kind: wanted };
  if (!isObject(wanted)) {
    throw invalid("tool_choice", `expected none, auto, required or a tool, got ${describeGot(wanted)}`);
  }
  if (isObject(wanted.allowed_tools)) {
    return { kind: wanted.allowed_tools.mode === "required" ? "required" : "auto" };
  }
  const name = isObject(wanted.function) ? filledText(wanted.function.name) : undefined;
  // A tool that was dropped can't be called.
  return name !== undefined && tools.some((tool) => tool.name === name)
    ? { kind: "tool", name }
    : { kind: "auto" };
}
