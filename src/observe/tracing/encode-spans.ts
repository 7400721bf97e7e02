import type { AttemptRecord, Outcome } from "../outcome.ts";
import type { OutcomeKind } from "../outcome-kinds.ts";
import type { RequestTrace } from "./request-trace.ts";
import { createKeys, type EndpointOf, type Keys } from "./span-attributes.ts";
import type { Convention } from "./span-names.ts";
import { type AttemptPart, createPartReader, cut, type ServedAt } from "./span-parts.ts";
import type { SpanWriter } from "./span-writer.ts";
import type { TraceIds } from "./trace-ids.ts";

export interface SpanEncoderOptions {
  readonly convention: Convention;
  readonly servedAt: ServedAt;
  readonly ids: TraceIds;
  readonly endpointOf: EndpointOf;
}

/** Writes the spans of one ended request: its own, then one for each attempt. */
export type EncodeSpans = (ended: TracedRequest, writer: SpanWriter) => void;

export interface TracedRequest {
  readonly outcome: Outcome;
  readonly kind: OutcomeKind;
  readonly trace: RequestTrace;
}

const tags = { trace: 0x0a, span: 0x12, state: 0x1a, parent: 0x22 } as const;
const timeTags = { start: 0x39, end: 0x41 } as const;
const flagsTag = (16 << 3) | 5;
/** Beside the flags of `traceparent`: whether the parent is elsewhere is known, and it is. */
const parentIsKnown = 0x100;
const parentIsRemote = 0x200;

export function createSpanEncoder(options: SpanEncoderOptions): EncodeSpans {
  const { convention, servedAt, ids, endpointOf } = options;
  const keys = createKeys(convention);
  const readParts = createPartReader(keys, servedAt, endpointOf);
  return ({ outcome, kind, trace }, writer) => {
    const { request, attempts } = readParts(kind);
    encodeRequest(outcome, trace, request, writer, keys);
    for (const [index, part] of attempts.entries()) {
      const attempt = outcome.attempts[index];
      if (attempt === undefined) continue;
      encodeAttempt({ outcome, attempt, spanId: attempt.spanId ?? ids.spanId() }, trace, part, writer, keys);
    }
  };
}

function encodeRequest(
  outcome: Outcome,
  trace: RequestTrace,
  part: Uint8Array,
  writer: SpanWriter,
  { of }: Keys,
): void {
  const began = writer.beginSpan();
  writer.id(tags.trace, trace.traceId);
  writer.id(tags.span, trace.spanId);
  if (trace.tracestate !== undefined) writer.text(tags.state, trace.tracestate);
  if (trace.parentSpanId !== undefined) writer.id(tags.parent, trace.parentSpanId);
  writer.time(timeTags.start, outcome.receivedAt);
  writer.time(timeTags.end, outcome.receivedAt + outcome.durationMs);
  writer.raw(part);
  writer.intAttribute(of.requestBytes, outcome.requestBytes);
  writer.intAttribute(of.responseBytes, outcome.responseBytes);
  writer.textAttribute(of.requestId, cut(outcome.requestId));
  writer.doubleAttribute(of.queueMs, outcome.queueMs);
  const firstMs = outcome.milestones?.firstSentMs;
  if (firstMs !== undefined) writer.doubleAttribute(of.firstSentMs, firstMs);
  endSpan(writer, began, trace.flags, trace.parentSpanId !== undefined);
}

interface TracedAttempt {
  readonly outcome: Outcome;
  readonly attempt: AttemptRecord;
  readonly spanId: string;
}

function encodeAttempt(
  { outcome, attempt, spanId }: TracedAttempt,
  trace: RequestTrace,
  { bytes, isAnswer, isOfModel }: AttemptPart,
  writer: SpanWriter,
  { of, genAi }: Keys,
): void {
  const startedMs = attempt.startedMs ?? 0;
  const endMs = isAnswer ? Math.max(outcome.durationMs, startedMs) : startedMs + attempt.durationMs;
  const began = writer.beginSpan();
  writer.id(tags.trace, trace.traceId);
  writer.id(tags.span, spanId);
  if (trace.tracestate !== undefined) writer.text(tags.state, trace.tracestate);
  writer.id(tags.parent, trace.spanId);
  writer.time(timeTags.start, outcome.receivedAt + startedMs);
  writer.time(timeTags.end, outcome.receivedAt + endMs);
  writer.raw(bytes);
  if (attempt.queuedMs !== undefined) writer.doubleAttribute(of.queueMs, attempt.queuedMs);
  if (isOfModel) encodeMeasurements(outcome, startedMs, writer, genAi);
  endSpan(writer, began, trace.flags, false);
}

/** Input tokens include what came from a cache, whatever the dialect. */
function encodeMeasurements(
  { usage, milestones }: Outcome,
  startedMs: number,
  writer: SpanWriter,
  genAi: Keys["genAi"],
): void {
  const firstMs = milestones?.firstSentMs;
  if (firstMs !== undefined) {
    writer.doubleAttribute(genAi.timeToFirstChunk, Math.max(0, firstMs - startedMs) / 1000);
  }
  if (usage === undefined) return;
  if (usage.input_tokens !== undefined) writer.intAttribute(genAi.inputTokens, usage.input_tokens);
  if (usage.output_tokens !== undefined) writer.intAttribute(genAi.outputTokens, usage.output_tokens);
  if (usage.cached_tokens !== undefined) writer.intAttribute(genAi.cacheReadTokens, usage.cached_tokens);
  if (usage.cache_creation_tokens !== undefined) {
    writer.intAttribute(genAi.cacheCreationTokens, usage.cache_creation_tokens);
  }
  if (usage.reasoning_tokens !== undefined) {
    writer.intAttribute(genAi.reasoningTokens, usage.reasoning_tokens);
  }
}

function endSpan(writer: SpanWriter, began: number, flags: number, isParentRemote: boolean): void {
  writer.fixed32(flagsTag, flags | parentIsKnown | (isParentRemote ? parentIsRemote : 0));
  writer.endSpan(began);
}
