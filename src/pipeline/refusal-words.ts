import { streamKindOf } from "../proxy/stream-kind.ts";
import { readRefusal } from "../translate/answer-error.ts";
import { renderAnthropicRefusal } from "../translate/anthropic/anthropic-api.ts";
import { findContextOverflow } from "../translate/context-overflow.ts";
import { renderOpenaiRefusal } from "../translate/openai/render-refusal.ts";

/** Statuses under which backends say that a prompt is too long. */
const overflowStatuses: ReadonlySet<number> = new Set([400, 413, 422, 500]);

/** Whether it is worth looking into an answer: nearly all are not. */
export function mayNeedWords(status: number, headers: Headers): boolean {
  return overflowStatuses.has(status) && !headers.has("content-encoding");
}

export interface RefusalContext {
  readonly status: number;
  readonly requestId: string;
  /** The path that the endpoint was asked for: tells the dialect of its answer. */
  readonly path: string;
}

/**
 * A prompt that is too long, said so that the client's agent understands it and can mend it. The endpoint's own words
 * stay in it. Every other refusal stays as it is, byte for byte.
 */
export function clarifyRefusal(
  bytes: Uint8Array,
  { status, requestId, path }: RefusalContext,
): { readonly status: number; readonly bytes: Uint8Array; readonly headers?: Headers } {
  const kind = streamKindOf(path, "sse");
  if (kind === undefined) return { status, bytes };
  const refusal = readRefusal(bytes, status);
  if (findContextOverflow(refusal) === undefined) return { status, bytes };
  const rendered =
    kind === "anthropic" ? renderAnthropicRefusal(refusal, requestId) : renderOpenaiRefusal(refusal);
  const headers = new Headers({ "Content-Type": rendered.contentType });
  return { status: rendered.status, bytes: rendered.body, headers };
}
