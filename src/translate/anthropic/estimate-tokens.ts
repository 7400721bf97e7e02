import { isObject, type JsonObject } from "../../lib/json.ts";
import type { TokenUsage } from "../chat-answer.ts";
import { filledText, objectsOf } from "../wire.ts";

const bytesPerToken = 4;

/**
 * How many tokens a Messages request may have, by its length: a quarter of its bytes. Images count nothing.
 * @param body the client's own
 */
export function estimateInputTokens(body: JsonObject): number {
  let bytes = contentBytes(body.system);
  for (const { content } of objectsOf(body.messages)) bytes += contentBytes(content);
  for (const tool of objectsOf(body.tools)) {
    bytes += byteLength(tool.name) + byteLength(tool.description) + jsonBytes(tool.input_schema);
  }
  return Math.max(1, Math.floor(bytes / bytesPerToken));
}

/** The same for what a model said. */
export function estimateOutputTokens(bytes: number): number {
  return bytes === 0 ? 0 : Math.max(1, Math.floor(bytes / bytesPerToken));
}

/** Fills in what an endpoint left out or called 0. @param inputEstimate tokens @param saidBytes of text, thoughts and arguments */
export function completeUsage(
  said: TokenUsage | undefined,
  inputEstimate: number,
  saidBytes: number,
): TokenUsage {
  return {
    inputTokens: said?.inputTokens || inputEstimate,
    outputTokens: said?.outputTokens || estimateOutputTokens(saidBytes),
    cachedTokens: said?.cachedTokens,
    reasoningTokens: said?.reasoningTokens,
  };
}

function contentBytes(content: unknown): number {
  if (!Array.isArray(content)) return byteLength(content);
  return objectsOf(content).reduce((sum, block) => sum + blockBytes(block), 0);
}

function blockBytes(block: JsonObject): number {
  switch (block.type) {
    case "text":
      return byteLength(block.text);
    case "tool_use":
      return byteLength(block.name) + jsonBytes(block.input);
    case "tool_result":
      return contentBytes(block.content);
    default:
      return 0;
  }
}

function byteLength(value: unknown): number {
  const text = filledText(value);
  return text === undefined ? 0 : Buffer.byteLength(text);
}

function jsonBytes(value: unknown): number {
  return isObject(value) ? Buffer.byteLength(JSON.stringify(value)) : 0;
}
