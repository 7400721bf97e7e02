import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import { filledText } from "../wire.ts";
import { type CallForm, type DecodedTools, findDeclared, freeTextMember } from "./decode-tools.ts";
import { createItemId } from "./response-object.ts";

/** `summary` is a thought that the client wants to be told as a summary. */
export type SaidKind = "reasoning" | "summary" | "text" | "refusal";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

export interface SaidItem {
  readonly kind: SaidKind;
  readonly id: string;
  /** So far. */
  text: string;
  status: ItemStatus;
}

export interface CallItem {
  readonly kind: "call";
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly form: CallForm;
  /** Of the arguments, JSON, so far. */
  text: string;
  status: ItemStatus;
}

/** One item of a response's output, as far as it has been said. */
export type OutputItem = SaidItem | CallItem;

export function openSaid(kind: SaidKind): SaidItem {
  const prefix = kind === "reasoning" || kind === "summary" ? "rs" : "msg";
  return { kind, id: createItemId(prefix), text: "", status: "in_progress" };
}

const callPrefixes = { function: "fc", custom: "ctc", "tool-search": "tsc" } as const;

/** @param called the function, as the model calls it */
export function openCall(callId: string, called: string, tools: DecodedTools): CallItem {
  const { name, namespace, form } = findDeclared(called, tools);
  const id = createItemId(callPrefixes[form]);
  return { kind: "call", id, callId, name, namespace, form, text: "", status: "in_progress" };
}

/** The item as the client sees it. While it is in progress nothing of what it says is in it. */
export function itemObject(item: OutputItem): JsonObject {
  if (item.kind === "call") return callObject(item);
  const { kind, id, status } = item;
  const parts = status === "in_progress" ? [] : [saidPart(kind, item.text)];
  switch (kind) {
    case "reasoning":
      return { id, type: "reasoning", status, summary: [], content: parts, encrypted_content: null };
    case "summary":
      return { id, type: "reasoning", status, summary: parts, encrypted_content: null };
    default:
      return { id, type: "message", status, role: "assistant", content: parts };
  }
}

export function saidPart(kind: SaidKind, text: string): JsonObject {
  switch (kind) {
    case "reasoning":
      return { type: "reasoning_text", text };
    case "summary":
      return { type: "summary_text", text };
    case "refusal":
      return { type: "refusal", refusal: text };
    case "text":
      return { type: "output_text", text, annotations: [], logprobs: [] };
  }
}

function callObject(item: CallItem): JsonObject {
  const { id, status, callId: call_id, name, namespace, form, text } = item;
  const isOpen = status === "in_progress";
  const inGroup = namespace !== undefined && { namespace };
  switch (form) {
    case "function":
      return { id, type: "function_call", status, call_id, name, ...inGroup, arguments: isOpen ? "" : text };
    case "custom": {
      const input = isOpen ? "" : freeTextOf(text);
      return { id, type: "custom_tool_call", status, call_id, name, ...inGroup, input };
    }
    case "tool-search": {
      const given = isOpen ? {} : (parseJson(text) ?? {});
      return { id, type: "tool_search_call", status, call_id, execution: "client", arguments: given };
    }
  }
}

/** The text that a free-text tool was called with; whatever the model wrote where it is no such JSON. */
export function freeTextOf(argumentsJson: string): string {
  const parsed = parseJson(argumentsJson);
  if (typeof parsed === "string") return parsed;
  if (!isObject(parsed)) return argumentsJson;
  const given = parsed[freeTextMember];
  if (typeof given === "string") return given;
  const values = Object.values(parsed);
  // Models have names of their own for it.
  return values.length === 0
    ? ""
    : ((values.length === 1 ? filledText(values[0]) : undefined) ?? argumentsJson);
}
