import { isObject, type JsonObject, parseJson } from "../lib/json.ts";
import type { StreamError } from "../proxy/event-verdict.ts";
import { streamKindOf } from "../proxy/stream-kind.ts";
import { readRefusal } from "../translate/answer-error.ts";
import { renderAnthropicRefusal } from "../translate/anthropic/anthropic-api.ts";
import type { Refusal } from "../translate/client-api.ts";
import { findContextOverflow } from "../translate/context-overflow.ts";
import { renderOpenaiRefusal } from "../translate/openai/render-refusal.ts";
import { createSseReader } from "../translate/sse-reader.ts";
import type { AnswerBody } from "./answer-body.ts";

/** Statuses under which backends say that a prompt is too long. */
const overflowStatuses: ReadonlySet<number> = new Set([400, 413, 422, 500]);

/** Whether it is worth looking into an answer: nearly all are not. */
export function mayNeedWords(status: number, headers: Headers): boolean {
  return overflowStatuses.has(status) && !headers.has("content-encoding");
}

export interface RefusalContext {
  readonly requestId: string;
  /** The path that the endpoint was asked for: tells the dialect of its answer. */
  readonly path: string;
}

interface ClearWords {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly headers?: Headers;
}

/**
 * A prompt that is too long, said so that the client's agent understands it and can mend it. The endpoint's own words
 * stay in it. Every other refusal stays as it is, byte for byte.
 */
export function clarifyRefusal(bytes: Uint8Array, status: number, context: RefusalContext): ClearWords {
  return clarifyOverflow(readRefusal(bytes, status), context) ?? { status, bytes };
}

/** Undefined for every other refusal, and for dialects that have no better words for it than the endpoint's own. */
export function clarifyOverflow(
  refusal: Refusal,
  { requestId, path }: RefusalContext,
): ClearWords | undefined {
  const kind = streamKindOf(path, "sse");
  if (kind === undefined || findContextOverflow(refusal) === undefined) return undefined;
  const rendered =
    kind === "anthropic" ? renderAnthropicRefusal(refusal, requestId) : renderOpenaiRefusal(refusal);
  const headers = new Headers({ "Content-Type": rendered.contentType });
  return { status: rendered.status, bytes: rendered.body, headers };
}

/** What an endpoint said instead of an answer, where it said anything and all of it is here. */
export function readRefusalOf(body: AnswerBody, status: number): Refusal | undefined {
  if (body.kind === "whole")
    return overflowStatuses.has(status) ? readRefusal(body.bytes, status) : undefined;
  return body.kind === "begun" && body.reported !== undefined
    ? refusalInStream(body.chunks, body.reported)
    : undefined;
}

/** The same for the error that a stream began with, under a status that promised an answer. */
export function refusalInStream(chunks: readonly Uint8Array[], { message, status }: StreamError): Refusal {
  const refusal = { message, status: status ?? 502, detail: findDetail(chunks) };
  if (status !== undefined) return refusal;
  const asked = { ...refusal, status: 400 };
  return findContextOverflow(asked) === undefined ? refusal : asked;
}

function findDetail(chunks: readonly Uint8Array[]): JsonObject | undefined {
  let found: JsonObject | undefined;
  const look = (data: string) => {
    const event = parseJson(data);
    if (isObject(event)) found ??= isObject(event.error) ? event.error : undefined;
  };
  const reader = createSseReader({
    onEvent: ({ data }) => look(data),
    onUnknownField: (_field, value) => look(`{"error":${value}}`),
    onTooLong: () => {},
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return found;
}
