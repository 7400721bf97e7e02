import { isJsonObject, type JsonObject } from "./metrics-documents.ts";

/** What every dialect says under names of its own; unknown values are left as they came. */
export interface DialectFigures {
  readonly model?: unknown;
  readonly finish_reason?: unknown;
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly total_tokens?: unknown;
  /** Anthropic counts these outside of `input_tokens`. */
  readonly cache_read_tokens?: unknown;
  readonly cache_creation_tokens?: unknown;
  readonly cached_tokens?: unknown;
  readonly reasoning_tokens?: unknown;
}

/**
 * Reads what belongs to the dialect and not to the kind of backend: most kinds speak OpenAI's, Anthropic's and the
 * Responses API side by side, so their profiles need not say it.
 */
export function readDialect(document: JsonObject): DialectFigures {
  const { type, object } = document;
  if (type === "message_start") return readMessage(member(document, "message"));
  if (type === "message") return readMessage(document);
  if (type === "message_delta") {
    const stopReason = member(document, "delta").stop_reason;
    return { finish_reason: stopReason, ...readAnthropicUsage(member(document, "usage")) };
  }
  const response = document.response;
  if (isJsonObject(response)) return readResponse(response);
  if (object === "response") return readResponse(document);
  return readOpenAi(document);
}

function readOpenAi(document: JsonObject): DialectFigures {
  const choices = document.choices;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const usage = member(document, "usage");
  return {
    model: document.model,
    finish_reason: isJsonObject(choice) ? choice.finish_reason : undefined,
    input_tokens: usage.prompt_tokens,
    output_tokens: usage.completion_tokens,
    total_tokens: usage.total_tokens,
  };
}

function readMessage(message: JsonObject): DialectFigures {
  return {
    model: message.model,
    finish_reason: message.stop_reason,
    ...readAnthropicUsage(member(message, "usage")),
  };
}

function readAnthropicUsage(usage: JsonObject): DialectFigures {
  return {
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    cache_read_tokens: usage.cache_read_input_tokens,
    cache_creation_tokens: usage.cache_creation_input_tokens,
  };
}

function readResponse(response: JsonObject): DialectFigures {
  const usage = member(response, "usage");
  const status = response.status;
  return {
    model: response.model,
    finish_reason:
      member(response, "incomplete_details").reason ?? (status === "in_progress" ? undefined : status),
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
  };
}

function member(document: JsonObject, name: string): JsonObject {
  const value = document[name];
  return isJsonObject(value) ? value : nothing;
}

const nothing: JsonObject = Object.freeze({});

/** The parts of the counts that every dialect can tell, in whichever object the dialect has its `usage`. */
export function readDetails(
  document: JsonObject,
): Pick<DialectFigures, "cached_tokens" | "cache_creation_tokens" | "reasoning_tokens"> {
  const usage = document.usage ?? member(document, "response").usage ?? member(document, "message").usage;
  if (!isJsonObject(usage)) return nothing;
  const input = usage.prompt_tokens_details ?? usage.input_tokens_details;
  const output = usage.completion_tokens_details ?? usage.output_tokens_details;
  return {
    cached_tokens: isJsonObject(input) ? input.cached_tokens : usage.cache_read_input_tokens,
    cache_creation_tokens: usage.cache_creation_input_tokens,
    reasoning_tokens: isJsonObject(output) ? output.reasoning_tokens : undefined,
  };
}
