import type { ToolChoice, ToolDefinition } from "../chat-request.ts";
import { invalid } from "../invalid-request.ts";
import { filledText, isObject, type JsonObject, objectsOf } from "../wire.ts";

/** The tools of a Responses request, as functions. */
export interface DecodedTools {
  readonly tools: readonly ToolDefinition[];
  /** Names of tools that take free text instead of JSON (`type: custom`): calls of them are written otherwise. */
  readonly freeText: ReadonlySet<string>;
  /** By the name of a function that stands in a namespace. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** What only OpenAI's own servers run. */
  readonly dropped: readonly string[];
}

/** The member that carries a free-text tool's text while it is a function. */
export const freeTextMember = "input";

/** Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools */
export function decodeTools(tools: unknown): DecodedTools {
  const found: ToolDefinition[] = [];
  const freeText = new Set<string>();
  const namespaces = new Map<string, string>();
  const dropped: string[] = [];
  const read = (tool: JsonObject, field: string, namespace: string | undefined) => {
    const name = filledText(tool.name);
    switch (tool.type) {
      case "function": {
        if (name === undefined) throw invalid(`${field}.name`, "expected a name");
        if (namespace !== undefined) namespaces.set(name, namespace);
        found.push(decodeFunction(name, tool));
        return;
      }
      case "custom": {
        if (name === undefined) throw invalid(`${field}.name`, "expected a name");
        freeText.add(name);
        found.push(asFunction(name, tool));
        return;
      }
      case "namespace":
        for (const [index, inner] of objectsOf(tool.tools).entries()) {
          read(inner, `${field}.tools[${index}]`, name);
        }
        return;
      default:
        dropped.push(filledText(tool.type) ?? name ?? "unnamed");
    }
  };
  for (const [index, tool] of objectsOf(tools).entries()) read(tool, `tools[${index}]`, undefined);
  return { tools: found, freeText, namespaces, dropped };
}

export function decodeToolChoice(choice: unknown, { tools }: DecodedTools): ToolChoice | undefined {
  if (choice === "auto" || choice === "none" || choice === "required") return { kind: choice };
  if (!isObject(choice)) return undefined;
  const name = filledText(choice.name);
  if (name !== undefined && tools.some((tool) => tool.name === name)) return { kind: "tool", name };
  // Of a list of allowed ones only the mode can be said.
  if (choice.type === "allowed_tools") return { kind: choice.mode === "required" ? "required" : "auto" };
  return undefined;
}

function decodeFunction(name: string, tool: JsonObject): ToolDefinition {
  return {
    name,
    description: filledText(tool.description),
    parameters: isObject(tool.parameters) ? tool.parameters : { type: "object", properties: {} },
    isStrict: typeof tool.strict === "boolean" ? tool.strict : undefined,
  };
}

function asFunction(name: string, tool: JsonObject): ToolDefinition {
  const format = isObject(tool.format) ? tool.format : undefined;
  const grammar = filledText(format?.definition);
  const hint = grammar === undefined ? "" : `\n\nThe text must follow this grammar:\n${grammar}`;
  return {
    name,
    description: `${filledText(tool.description) ?? ""}${hint}`,
    parameters: {
      type: "object",
      properties: { [freeTextMember]: { type: "string", description: "The whole text for the tool." } },
      required: [freeTextMember],
    },
    isStrict: undefined,
  };
}
