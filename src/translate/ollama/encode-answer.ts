import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import type { AnswerPart, ChatAnswer } from "../chat-answer.ts";
import type { AnswerContext } from "../chat-dialect.ts";
import type { TranslatedAnswer } from "../client-api.ts";
import { toJsonBytes } from "../wire.ts";
import { type AnswerPiece, type AnswerTimes, type LineShape, lineEnd, lineHead } from "./answer-line.ts";

/** The one line of an answer that was not to be streamed. */
export function encodeOllamaAnswer(
  answer: ChatAnswer,
  { request: { model } }: AnswerContext<AnswerTimes>,
  times: AnswerTimes,
  shape: LineShape,
): TranslatedAnswer {
  const line = {
    ...lineHead(model),
    ...shape.said(pieceOf(answer.parts)),
    ...lineEnd(answer.finish, answer.usage, times),
  };
  return { contentType: "application/json; charset=utf-8", body: toJsonBytes(line) };
}

/** Ollama gives arguments as an object, and an index from newer versions on. */
export function encodeCall(index: number, id: string, name: string, argumentsJson: string): JsonObject {
  const parsed = parseJson(argumentsJson);
  return { id, function: { index, name, arguments: isObject(parsed) ? parsed : {} } };
}

function pieceOf(parts: readonly AnswerPart[]): AnswerPiece {
  let text = "";
  let thinking: string | undefined;
  const calls: JsonObject[] = [];
  for (const part of parts) {
    if (part.kind === "reasoning") thinking = (thinking ?? "") + part.text;
    else if (part.kind === "tool-call") {
      calls.push(encodeCall(calls.length, part.id, part.name, part.argumentsJson));
    } else text += part.text;
  }
  return { text, thinking, calls };
}
