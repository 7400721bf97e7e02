import { isObject, parseJson } from "../lib/json.ts";
import { statusOf } from "../proxy/event-verdict.ts";
import type { AnswerError } from "./chat-answer.ts";
import type { Refusal } from "./client-api.ts";
import { filledText, textOf } from "./wire.ts";

const messageLimit = 2_000;

/**
 * What an endpoint says is wrong, in whichever of the usual shapes: `{"error": {"message"}}`, `{"error": "…"}`,
 * `{"message"}`, `{"detail"}`, or plain text.
 * @param otherwise for a body that says nothing a person could read
 */
export function readAnswerError(body: unknown, otherwise: string): AnswerError {
  const detail = isObject(body) && body.error ? body.error : body;
  const message = messageOf(detail) ?? otherwise;
  return { message: message.slice(0, messageLimit), status: statusOf(detail) ?? statusOf(body) };
}

/** The same for the bytes of a refusal. */
export function readRefusal(body: Uint8Array, status: number): Refusal {
  const text = textOf(body).trim();
  const parsed = parseJson(text);
  const isPage = text.startsWith("<");
  const otherwise = parsed === undefined && text !== "" && !isPage ? text : `The endpoint answered ${status}`;
  const detail = isObject(parsed) && isObject(parsed.error) ? parsed.error : parsed;
  const { message } = readAnswerError(parsed, otherwise);
  return { message, status, detail: isObject(detail) ? detail : undefined };
}

function messageOf(detail: unknown): string | undefined {
  if (!isObject(detail)) return filledText(detail);
  const { message, detail: inner } = detail;
  if (isObject(message)) return messageOf(message);
  // FastAPI lists what it did not like.
  if (Array.isArray(inner)) return JSON.stringify(inner);
  return filledText(message) ?? filledText(inner);
}
