import { filledText, isObject, type JsonObject, parseJson } from "../wire.ts";
import { type DecodedTools, freeTextMember } from "./decode-tools.ts";
import { createItemId } from "./response-object.ts";

/** One item of a response's output, as far as it has been said. */
export type OutputItem =
  | { readonly kind: "reasoning" | "text" | "refusal"; readonly id: string; text: string }
  | {
      readonly kind: "call";
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      /** Takes free text: what is said is JSON with the text in it. */
      readonly isFreeText: boolean;
      /** Where the function stands, if in a namespace. */
      readonly namespace: string | undefined;
      text: string;
    };

export function openSaid(kind: "reasoning" | "text" | "refusal"): OutputItem {
  return { kind, id: createItemId(kind === "reasoning" ? "rs" : "msg"), text: "" };
}

export function openCall(callId: string, name: string, tools: DecodedTools): OutputItem {
  const isFreeText = tools.freeText.has(name);
  const id = createItemId(isFreeText ? "ctc" : "fc");
  return { kind: "call", id, callId, name, isFreeText, namespace: tools.namespaces.get(name), text: "" };
}

/** The item as the client sees it. @param status `in_progress` shows it as it begins, without what was said */
export function itemObject(item: OutputItem, status: "in_progress" | "completed" | "incomplete"): JsonObject {
  const hasBegun = status !== "in_progress";
  if (item.kind === "call") {
    const { id, callId: call_id, name, namespace } = item;
    const said = item.isFreeText
      ? { type: "custom_tool_call", input: hasBegun ? freeTextOf(item.text) : "" }
      : { type: "function_call", arguments: hasBegun ? item.text || "{}" : "" };
    return { id, ...said, status, call_id, name, ...(namespace !== undefined && { namespace }) };
  }
  const content = hasBegun ? [contentPart(item.kind, item.text)] : [];
  if (item.kind === "reasoning") {
    return { id: item.id, type: "reasoning", summary: [], content, encrypted_content: null, status };
  }
  return { id: item.id, type: "message", status, role: "assistant", content };
}

export function contentPart(kind: "reasoning" | "text" | "refusal", text: string): JsonObject {
  switch (kind) {
    case "reasoning":
      return { type: "reasoning_text", text };
    case "refusal":
      return { type: "refusal", refusal: text };
    case "text":
      return { type: "output_text", text, annotations: [], logprobs: [] };
  }
}

/** The text that a free-text tool was called with; whatever the model wrote where it is no such JSON. */
export function freeTextOf(argumentsJson: string): string {
  const parsed = parseJson(argumentsJson);
  return (isObject(parsed) ? filledText(parsed[freeTextMember]) : undefined) ?? argumentsJson;
}
