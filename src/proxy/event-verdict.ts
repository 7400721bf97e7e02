import { isObject, type JsonObject, parseJson } from "../lib/json.ts";
import type { StreamEvent } from "./event-split.ts";
import type { StreamKind } from "./stream-kind.ts";

/** What one event means for the answer it is part of. */
export interface EventVerdict {
  /** "prelude": something before the answer, such as a role; "content": the answer, or anything not understood. */
  readonly meaning: "prelude" | "content" | "error";
  /** Nothing of the answer comes after it. */
  readonly isTerminal: boolean;
  /** Undefined for what belongs to no kind, or to any. */
  readonly kind: StreamKind | undefined;
  readonly error?: StreamError;
}

/** An error that an endpoint reported inside a stream, as far as it can be understood. */
export interface StreamError {
  /** The endpoint's own words, at most 1,000 characters. */
  readonly message: string;
  /** The HTTP status that the endpoint names, where it does. */
  readonly status: number | undefined;
}

const messageLimit = 1_000;

/**
 * Understands one event of any kind. What has no known shape is content: only what is surely a prelude is one.
 * Undefined for text that looks like JSON and is not whole.
 */
export function judgeEvent({ name, data }: StreamEvent): EventVerdict | undefined {
  const text = data.trim();
  if (text === "") return nothing;
  if (text === "[DONE]") return { meaning: "content", isTerminal: true, kind: "openai" };
  const value = parseJson(text);
  if (name === "error") return errorVerdict(value ?? text);
  if (value === undefined) return /^[[{]/.test(text) ? undefined : unknownContent;
  return isObject(value) ? judgeObject(value, name) : unknownContent;
}

function judgeObject(value: JsonObject, name: string): EventVerdict {
  if (value.type === "error" || value.object === "error" || isFilled(value.error)) return errorVerdict(value);
  if (Array.isArray(value.choices)) return judgeChoices(value, value.choices);
  const type = typeof value.type === "string" ? value.type : name;
  if (type.startsWith("response.")) return judgeResponsesEvent(value, type);
  const anthropic = judgeAnthropicEvent(value, type);
  if (anthropic !== undefined) return anthropic;
  if (typeof value.done === "boolean") return judgeOllamaLine(value, value.done);
  return unknownContent;
}

function judgeChoices(chunk: JsonObject, choices: readonly unknown[]): EventVerdict {
  const isTerminal = choices.some((choice) => isObject(choice) && isFilled(choice.finish_reason));
  // A client that asked to see the progress of its prompt wants to see it as it happens.
  const hasContent =
    isTerminal ||
    isFilled(chunk.prompt_progress) ||
    (choices.length === 0 ? isFilled(chunk.usage) : choices.some(choiceHasContent));
  return { meaning: hasContent ? "content" : "prelude", isTerminal, kind: "openai" };
}

function choiceHasContent(choice: unknown): boolean {
  if (!isObject(choice)) return true;
  if (isObject(choice.delta)) return hasFilledMember(choice.delta, ["role"]);
  return typeof choice.text === "string" ? choice.text !== "" : choice.delta !== null;
}

function judgeResponsesEvent(event: JsonObject, type: string): EventVerdict {
  switch (type) {
    case "response.created":
    case "response.queued":
    case "response.in_progress":
      return preludeOf("responses");
    case "response.failed": {
      const response = isObject(event.response) ? event.response : event;
      return { ...errorVerdict(response), isTerminal: true, kind: "responses" };
    }
    case "response.completed":
    case "response.incomplete":
      return { meaning: "content", isTerminal: true, kind: "responses" };
    case "response.output_item.added":
      return opens(event.item, ["message", "reasoning"]) ? preludeOf("responses") : contentOf("responses");
    case "response.content_part.added":
    case "response.reasoning_summary_part.added":
      return isObject(event.part) && !isFilled(event.part.text) && !isFilled(event.part.refusal)
        ? preludeOf("responses")
        : contentOf("responses");
    default:
      return event.delta === "" ? preludeOf("responses") : contentOf("responses");
  }
}

function judgeAnthropicEvent(event: JsonObject, type: string): EventVerdict | undefined {
  switch (type) {
    case "ping":
    case "content_block_stop":
      return preludeOf("anthropic");
    case "message_start":
      return isObject(event.message) && isFilled(event.message.content)
        ? contentOf("anthropic")
        : preludeOf("anthropic");
    case "content_block_start":
      return opens(event.content_block, ["text", "thinking"])
        ? preludeOf("anthropic")
        : contentOf("anthropic");
    case "content_block_delta":
      return isObject(event.delta) && !hasFilledMember(event.delta, ["type"])
        ? preludeOf("anthropic")
        : contentOf("anthropic");
    case "message_delta":
      return contentOf("anthropic");
    case "message_stop":
      return { meaning: "content", isTerminal: true, kind: "anthropic" };
    default:
      return undefined;
  }
}

function judgeOllamaLine(line: JsonObject, isTerminal: boolean): EventVerdict {
  const message = isObject(line.message) ? hasFilledMember(line.message, ["role"]) : isFilled(line.message);
  const hasContent = isTerminal || message || isFilled(line.response) || isFilled(line.thinking);
  return { meaning: hasContent ? "content" : "prelude", isTerminal, kind: "ollama" };
}

/** An item that was opened with nothing in it yet. */
function opens(item: unknown, types: readonly string[]): boolean {
  if (!isObject(item) || typeof item.type !== "string" || !types.includes(item.type)) return false;
  return !["content", "text", "thinking", "summary"].some((member) => isFilled(item[member]));
}

function errorVerdict(source: unknown): EventVerdict {
  return { meaning: "error", isTerminal: false, kind: undefined, error: readError(source) };
}

function readError(source: unknown): StreamError {
  const detail = isObject(source) && isFilled(source.error) ? source.error : source;
  const text = isObject(detail) ? (detail.message ?? detail.detail) : detail;
  const message = typeof text === "string" ? text : JSON.stringify(detail);
  return { message: message.slice(0, messageLimit), status: statusOf(detail) ?? statusOf(source) };
}

/** The HTTP status that an error object names, in any of the usual members. */
export function statusOf(source: unknown): number | undefined {
  if (!isObject(source)) return undefined;
  return [source.code, source.status, source.status_code]
    .map(Number)
    .find((status) => Number.isInteger(status) && status >= 400 && status < 600);
}

const nothing: EventVerdict = { meaning: "prelude", isTerminal: false, kind: undefined };
const unknownContent: EventVerdict = { meaning: "content", isTerminal: false, kind: undefined };

function preludeOf(kind: StreamKind): EventVerdict {
  return { meaning: "prelude", isTerminal: false, kind };
}

function contentOf(kind: StreamKind): EventVerdict {
  return { meaning: "content", isTerminal: false, kind };
}

function hasFilledMember(source: JsonObject, except: readonly string[]): boolean {
  return Object.entries(source).some(([key, value]) => !except.includes(key) && isFilled(value));
}

/** Something is there, and it is not an empty text, list or object. */
function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
