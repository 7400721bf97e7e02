import { isObject, type JsonObject } from "../../lib/json.ts";
import type { ToolChoice, ToolDefinition } from "../chat-request.ts";
import { invalid } from "../invalid-request.ts";
import { filledText, objectsOf } from "../wire.ts";
import { type ToolName, ToolNames } from "./tool-names.ts";

/** How calls of a tool are written: with JSON, with free text, or as a search for more tools that the client runs. */
export type CallForm = "function" | "custom" | "tool-search";

export interface DeclaredTool extends ToolName {
  readonly form: CallForm;
}

/** The tools of a Responses request, as functions. */
export interface DecodedTools {
  readonly tools: readonly ToolDefinition[];
  /** By the name of the function. */
  readonly declared: ReadonlyMap<string, DeclaredTool>;
  readonly names: ToolNames;
  /** What only OpenAI's own servers run. */
  readonly dropped: readonly string[];
}

/** A list of tools in a request, and where it stands. */
export interface ToolList {
  readonly field: string;
  readonly tools: unknown;
}

/** The member that carries a free-text tool's text while it is a function. */
export const freeTextMember = "input";

/** What a search for tools is called where it is a function. */
export const toolSearchName = "tool_search";

/**
 * Groups are taken apart, free-text tools take an object with the text in it, and tools that would be loaded later are
 * there at once. A tool that is declared twice counts once.
 * Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
 */
export function decodeTools(lists: readonly ToolList[]): DecodedTools {
  const reader = new ToolReader();
  for (const { field, tools } of lists) reader.readAll(tools, field, undefined);
  return reader;
}

class ToolReader implements DecodedTools {
  readonly tools: ToolDefinition[] = [];
  readonly declared = new Map<string, DeclaredTool>();
  readonly names = new ToolNames();
  readonly dropped: string[] = [];

  readAll(tools: unknown, field: string, namespace: string | undefined): void {
    for (const [index, tool] of objectsOf(tools).entries()) this.#read(tool, `${field}[${index}]`, namespace);
  }

  #read(tool: JsonObject, field: string, namespace: string | undefined): void {
    const name = filledText(tool.name);
    switch (tool.type) {
      case "function":
        this.#add(tool, { name: requireName(name, field), namespace, form: "function" });
        return;
      case "custom":
        this.#add(asFunction(tool), { name: requireName(name, field), namespace, form: "custom" });
        return;
      case "namespace":
        this.readAll(tool.tools, `${field}.tools`, name);
        return;
      case "tool_search":
        // Run by the client, it is a function like any other.
        if (tool.execution === "client" && isObject(tool.parameters)) {
          this.#add(tool, { name: toolSearchName, namespace: undefined, form: "tool-search" });
          return;
        }
    }
    this.dropped.push(filledText(tool.type) ?? name ?? "unnamed");
  }

  #add({ description, parameters, strict }: JsonObject, declared: DeclaredTool): void {
    const name = this.names.add(declared);
    if (name === undefined) return;
    this.declared.set(name, declared);
    this.tools.push({
      name,
      description: filledText(description),
      parameters: isObject(parameters) ? parameters : { type: "object", properties: {} },
      isStrict: typeof strict === "boolean" ? strict : undefined,
    });
  }
}

/** What the client calls the tool that a model has called; the model's own name where there is none. */
export function findDeclared(called: string, { declared }: DecodedTools): DeclaredTool {
  const found = declared.get(called);
  if (found !== undefined) return found;
  // Models leave the group away.
  const likely = [...declared.values()].filter(({ name }) => name === called);
  const [only] = likely;
  return only !== undefined && likely.length === 1
    ? only
    : { name: called, namespace: undefined, form: "function" };
}

export interface ToolUse {
  readonly tools: readonly ToolDefinition[];
  readonly choice: ToolChoice | undefined;
}

/** Which tools the model may use now. A choice of something that was dropped is left to the model. */
export function decodeToolChoice(choice: unknown, { tools, declared }: DecodedTools): ToolUse {
  if (choice === "auto" || choice === "none" || choice === "required") {
    return { tools, choice: { kind: choice } };
  }
  if (!isObject(choice)) return { tools, choice: undefined };
  const find = (wanted: JsonObject): ToolDefinition | undefined =>
    tools.find(({ name }) => isMeant(declared.get(name), wanted));
  if (choice.type === "allowed_tools") {
    const allowed = new Set(objectsOf(choice.tools).map(find));
    const kind = choice.mode === "required" && tools.some((tool) => allowed.has(tool)) ? "required" : "auto";
    return { tools: tools.filter((tool) => allowed.has(tool)), choice: { kind } };
  }
  const found = find(choice);
  return { tools, choice: found === undefined ? { kind: "auto" } : { kind: "tool", name: found.name } };
}

function isMeant(declared: DeclaredTool | undefined, { type, name, namespace }: JsonObject): boolean {
  if (declared === undefined) return false;
  if (type === "tool_search") return declared.form === "tool-search";
  if (type === "namespace") return declared.namespace === name;
  const isForm = type === declared.form;
  return isForm && declared.name === name && (namespace === undefined || declared.namespace === namespace);
}

function requireName(name: string | undefined, field: string): string {
  if (name === undefined) throw invalid(`${field}.name`, "expected a name");
  return name;
}

function asFunction({ description, format }: JsonObject): JsonObject {
  const grammar = isObject(format) ? filledText(format.definition) : undefined;
  const hint = grammar === undefined ? "" : `The text must follow this grammar:\n${grammar}`;
  return {
    description: [filledText(description) ?? "", hint].filter((text) => text !== "").join("\n\n"),
    parameters: {
      type: "object",
      properties: { [freeTextMember]: { type: "string", description: "The whole text for the tool." } },
      required: [freeTextMember],
    },
  };
}
