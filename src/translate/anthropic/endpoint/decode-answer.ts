import { OllaError } from "../../../errors.ts";
import { isObject, type JsonObject } from "../../../lib/json.ts";
import { readAnswerError } from "../../answer-error.ts";
import { createToolCallId } from "../../answer-ids.ts";
import type { AnswerPart, ChatAnswer } from "../../chat-answer.ts";
import { parseJsonExactly } from "../../exact-json.ts";
import { filledText, objectsOf, textOf } from "../../wire.ts";
import { readFinish, readUsage } from "./finish.ts";

/**
 * A whole message of an endpoint.
 * @throws OllaError `malformed_response`
 */
export function decodeAnthropicAnswer(body: Uint8Array): ChatAnswer {
  const message = parseJsonExactly(textOf(body));
  if (!isObject(message)) throw malformed("its answer is no JSON object");
  if (message.error || message.type === "error") {
    throw malformed(`it reports an error: ${readAnswerError(message, "unknown").message}`);
  }
  if (!Array.isArray(message.content)) throw malformed("its answer has no content");
  const parts = readBlocks(objectsOf(message.content));
  return {
    model: filledText(message.model),
    parts,
    finish: readFinish(
      message,
      parts.some(({ kind }) => kind === "tool-call"),
    ),
    usage: readUsage(message.usage),
  };
}

/** What Anthropic's own servers have done for the model (searches and the like) is left out: no other dialect has it. */
function readBlocks(blocks: readonly JsonObject[]): AnswerPart[] {
  const thoughts = blocks.filter(({ type }) => type === "thinking");
  const thought = joinMember(thoughts, "thinking");
  const text = joinMember(
    blocks.filter(({ type }) => type === "text"),
    "text",
  );
  const parts: AnswerPart[] = [];
  if (thought !== "") {
    // Signed was one thought alone.
    const signature = thoughts.length === 1 ? filledText(thoughts[0]?.signature) : undefined;
    parts.push({ kind: "reasoning", text: thought, ...(signature !== undefined && { signature }) });
  }
  if (text !== "") parts.push({ kind: "text", text });
  const ids = new Set<string>();
  for (const block of blocks) {
    const name = filledText(block.name);
    if (block.type !== "tool_use" || name === undefined) continue;
    const given = filledText(block.id);
    // Clients find a result's call by its id, so no two may have the same one.
    const id = given === undefined || ids.has(given) ? createToolCallId() : given;
    ids.add(id);
    const argumentsJson = isObject(block.input) ? JSON.stringify(block.input) : "{}";
    parts.push({ kind: "tool-call", id, name, argumentsJson });
  }
  return parts;
}

function joinMember(blocks: readonly JsonObject[], member: string): string {
  return blocks.map((block) => filledText(block[member]) ?? "").join("");
}

function malformed(what: string): OllaError {
  return new OllaError("malformed_response", `The endpoint's answer can't be translated: ${what}`);
}
