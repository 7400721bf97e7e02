import { OllaError } from "../../errors.ts";
import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import { readAnswerError } from "../answer-error.ts";
import { createToolCallId } from "../answer-ids.ts";
import type { AnswerPart, ChatAnswer } from "../chat-answer.ts";
import { filledText, objectsOf, textOf } from "../wire.ts";
import { readFinish, readUsage } from "./finish.ts";

/**
 * The first choice of a chat completion.
 * @throws OllaError `malformed_response`
 */
export function decodeChatAnswer(body: Uint8Array): ChatAnswer {
  const answer = parseJson(textOf(body));
  if (!isObject(answer)) throw malformed("its answer is no JSON object");
  // Its own words, where a server reports an error with a good status.
  if (answer.error) throw malformed(`it reports an error: ${readAnswerError(answer, "unknown").message}`);
  const [choice] = objectsOf(answer.choices);
  if (choice === undefined) throw malformed("its answer has no choices");
  if (!isObject(choice.message)) throw malformed("its answer has no message");
  const parts = readParts(choice.message);
  return {
    model: filledText(answer.model),
    parts,
    finish: readFinish(
      choice,
      parts.some(({ kind }) => kind === "tool-call"),
    ),
    usage: readUsage(answer.usage),
  };
}

function readParts(message: JsonObject): AnswerPart[] {
  const reasoning = filledText(message.reasoning_content) ?? filledText(message.reasoning);
  const text = readContent(message.content);
  const refusal = filledText(message.refusal);
  const parts: AnswerPart[] = [];
  if (reasoning !== undefined) parts.push({ kind: "reasoning", text: reasoning });
  if (text !== undefined) parts.push({ kind: "text", text });
  if (refusal !== undefined) parts.push({ kind: "refusal", text: refusal });
  const ids = new Set<string>();
  for (const call of [...objectsOf(message.tool_calls), ...legacyCalls(message)]) {
    const details = isObject(call.function) ? call.function : undefined;
    const name = filledText(details?.name);
    if (name === undefined) continue;
    const given = filledText(call.id);
    // Clients find a result's call by its id, so no two may have the same one.
    const id = given === undefined || ids.has(given) ? createToolCallId() : given;
    ids.add(id);
    parts.push({
      kind: "tool-call",
      id,
      name,
      argumentsJson: readArguments(details?.arguments),
    });
  }
  return parts;
}

/** Some servers answer with a list of text parts. */
export function readContent(content: unknown): string | undefined {
  if (!Array.isArray(content)) return filledText(content);
  return filledText(
    objectsOf(content)
      .map(({ text }) => filledText(text) ?? "")
      .join(""),
  );
}

function legacyCalls({ function_call: call }: JsonObject): readonly JsonObject[] {
  return isObject(call) ? [{ function: call }] : [];
}

/** Some servers give an object instead of its JSON text. */
function readArguments(value: unknown): string {
  if (isObject(value)) return JSON.stringify(value);
  return filledText(value) ?? "{}";
}

function malformed(what: string): OllaError {
  return new OllaError("malformed_response", `The endpoint's answer can't be translated: ${what}`);
}
