import { errorTable } from "../../errors.ts";
import type { AttemptRecord, Outcome } from "../outcome.ts";
import { createPathReader, type KnownPath } from "./operations.ts";
import type { RequestTrace } from "./request-trace.ts";
import {
  createKeys,
  EndpointAttributes,
  type EndpointFacts,
  type EndpointOf,
  type Keys,
  writeOnce,
} from "./span-attributes.ts";
import type { Convention } from "./span-names.ts";
import { type AttributeKey, SpanWriter } from "./span-writer.ts";
import type { TraceIds } from "./trace-ids.ts";

/** How clients reach this Olla, as far as its configuration says. */
export interface ServedAt {
  readonly scheme: "http" | "https";
  /** Undefined where the address is not one name. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

export interface SpanEncoderOptions {
  readonly convention: Convention;
  readonly servedAt: ServedAt;
  readonly ids: TraceIds;
  readonly endpointOf: EndpointOf;
}

/** Writes the spans of one ended request: its own, then one for each attempt. */
export type EncodeSpans = (outcome: Outcome, trace: RequestTrace, writer: SpanWriter) => void;

const tags = { trace: 0x0a, span: 0x12, state: 0x1a, parent: 0x22, name: 0x2a, kind: 0x30 } as const;
const timeTags = { start: 0x39, end: 0x41 } as const;
const statusTag = 0x7a;
const flagsTag = (16 << 3) | 5;
const serverKind = 2;
const clientKind = 3;
/** Beside the flags of `traceparent`: whether the parent is elsewhere is known, and it is. */
const parentIsKnown = 0x100;
const parentIsRemote = 0x200;

const longestText = 256;
const longestPath = 1024;

/** By the conventions every other method is called `_OTHER`, because clients may invent any. */
const knownMethods: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split(" "),
);

export function createSpanEncoder(options: SpanEncoderOptions): EncodeSpans {
  const readPath = createPathReader();
  const keys = createKeys(options.convention);
  const parts: Parts = {
    keys,
    servedAt: encodeServedAt(options.servedAt, keys),
    endpoints: new EndpointAttributes(options.endpointOf, keys),
    ids: options.ids,
  };
  return (outcome, trace, writer) => {
    const path = readPath(outcome.path, outcome.route);
    encodeRequest(outcome, trace, path, writer, parts);
    const { attempts } = outcome;
    for (let index = 0; index < attempts.length; index += 1) {
      const attempt = attempts[index];
      if (attempt !== undefined) encodeAttempt({ outcome, trace, path, attempt, index }, writer, parts);
    }
  };
}

interface Parts {
  readonly keys: Keys;
  /** Attributes that every request has, written once. */
  readonly servedAt: Uint8Array;
  readonly endpoints: EndpointAttributes;
  readonly ids: TraceIds;
}

function encodeServedAt({ scheme, address, port }: ServedAt, { of }: Keys): Uint8Array {
  const writer = new SpanWriter();
  writer.textAttribute(of.scheme, scheme);
  if (address !== undefined) writer.textAttribute(of.serverAddress, address);
  if (address !== undefined && port !== undefined) writer.intAttribute(of.serverPort, port);
  return writer.written().slice();
}

function encodeRequest(
  outcome: Outcome,
  trace: RequestTrace,
  { route, written }: KnownPath,
  writer: SpanWriter,
  parts: Parts,
): void {
  const { of } = parts.keys;
  const began = writer.beginSpan();
  writer.id(tags.trace, trace.traceId);
  writer.id(tags.span, trace.spanId);
  if (trace.tracestate !== undefined) writer.text(tags.state, trace.tracestate);
  if (trace.parentSpanId !== undefined) writer.id(tags.parent, trace.parentSpanId);
  writer.time(timeTags.start, outcome.receivedAt);
  writer.time(timeTags.end, outcome.receivedAt + outcome.durationMs);
  const writeSubject = (to: SpanWriter) => encodeSubject(outcome, route, to, parts);
  if (written === undefined) writeSubject(writer);
  else writeOnce(written, outcome.method, writer, writeSubject);

  // 499 was never sent to anybody.
  if (outcome.ending !== "client-abort") writer.intAttribute(of.status, outcome.status);
  writer.textAttribute(of.client, cut(outcome.clientAddress));
  if (outcome.userAgent !== undefined) writer.textAttribute(of.userAgent, cut(outcome.userAgent));
  writer.intAttribute(of.requestBytes, outcome.requestBytes);
  writer.intAttribute(of.responseBytes, outcome.responseBytes);
  encodeRouting(outcome, writer, of);
  endSpan(writer, began, requestError(outcome), of.errorType, trace.flags, trace.parentSpanId !== undefined);
}

/** What was asked for, and where: the same for every request with this method and path. */
function encodeSubject(
  { method, path, route: ollaRoute }: Outcome,
  route: string | undefined,
  writer: SpanWriter,
  { keys: { of }, servedAt }: Parts,
): void {
  const isKnownMethod = knownMethods.has(method);
  const title = isKnownMethod ? method : "HTTP";
  writer.text(tags.name, route === undefined ? title : `${title} ${route}`);
  writer.number(tags.kind, serverKind);
  writer.raw(servedAt);
  writer.textAttribute(of.method, isKnownMethod ? method : "_OTHER");
  if (!isKnownMethod) writer.textAttribute(of.methodOriginal, cut(method));
  writer.textAttribute(of.path, cut(path, longestPath));
  if (route !== undefined) writer.textAttribute(of.route, route);
  if (ollaRoute !== undefined) writer.textAttribute(of.ollaRoute, ollaRoute);
}

/** What no convention has a name for. */
function encodeRouting(outcome: Outcome, writer: SpanWriter, of: Keys["of"]): void {
  const { decision, clientApi, stickyOutcome, milestones } = outcome;
  const { model, requestedModel, endpoint, backendType, tier } = outcome;
  writer.textAttribute(of.requestId, cut(outcome.requestId));
  if (outcome.clientKey !== undefined) writer.textAttribute(of.key, cut(outcome.clientKey));
  if (requestedModel !== undefined) writer.textAttribute(of.requestedModel, cut(requestedModel));
  if (model !== undefined) writer.textAttribute(of.model, cut(model));
  if (endpoint !== undefined) writer.textAttribute(of.endpoint, cut(endpoint));
  if (backendType !== undefined) writer.textAttribute(of.backendType, backendType);
  if (tier !== undefined) writer.textAttribute(of.tier, tier);
  if (outcome.isStream) writer.trueAttribute(of.isStream);
  writer.textAttribute(of.ending, outcome.ending);
  writer.intAttribute(of.attempts, outcome.attempts.length);
  if (outcome.heldBack !== undefined) writer.intAttribute(of.heldBack, outcome.heldBack.length);
  writer.doubleAttribute(of.queueMs, outcome.queueMs);
  if (milestones?.firstSentMs !== undefined) writer.doubleAttribute(of.firstSentMs, milestones.firstSentMs);
  if (stickyOutcome !== undefined) writer.textAttribute(of.sticky, stickyOutcome);
  if (decision !== undefined) {
    writer.textAttribute(of.strategy, decision.strategy);
    writer.textAttribute(of.action, decision.action);
    if (decision.reason !== "") writer.textAttribute(of.reason, cut(decision.reason));
  }
  if (clientApi !== undefined) writer.textAttribute(of.api, clientApi.name);
  if (clientApi?.mode === "translation" && outcome.attempts.length > 0) writer.trueAttribute(of.isTranslated);
}

interface TracedAttempt {
  readonly outcome: Outcome;
  readonly trace: RequestTrace;
  readonly path: KnownPath;
  readonly attempt: AttemptRecord;
  readonly index: number;
}

function encodeAttempt(traced: TracedAttempt, writer: SpanWriter, parts: Parts): void {
  const { outcome, trace, path, attempt, index } = traced;
  const { of, genAi } = parts.keys;
  const isAnswer = isAnswering(outcome, attempt, index);
  const startedMs = attempt.startedMs ?? 0;
  const began = writer.beginSpan();
  writer.id(tags.trace, trace.traceId);
  writer.id(tags.span, attempt.spanId ?? parts.ids.spanId());
  if (trace.tracestate !== undefined) writer.text(tags.state, trace.tracestate);
  writer.id(tags.parent, trace.spanId);
  const endMs = isAnswer ? Math.max(outcome.durationMs, startedMs) : startedMs + attempt.durationMs;
  writer.time(timeTags.start, outcome.receivedAt + startedMs);
  writer.time(timeTags.end, outcome.receivedAt + endMs);
  const at = parts.endpoints.of(attempt.endpoint);
  const writeQuestion = (to: SpanWriter) => encodeQuestion(traced, at, to, parts.keys);
  if (at === undefined || path.operation === undefined) writeQuestion(writer);
  else writeOnce(at.questions, `${path.operation} ${attempt.model ?? ""}`, writer, writeQuestion);

  if (attempt.status !== undefined) writer.intAttribute(of.status, attempt.status);
  writer.intAttribute(of.attempt, index + 1);
  if (attempt.queuedMs !== undefined) writer.doubleAttribute(of.queueMs, attempt.queuedMs);
  if (isAnswer && path.operation !== undefined) encodeAnswer(outcome, startedMs, writer, genAi);
  endSpan(writer, began, attemptError(attempt), of.errorType, trace.flags, false);
}

/** Who was asked, and for what: the same for every attempt at an endpoint with this operation and model. */
function encodeQuestion(
  { outcome: { method }, path: { operation }, attempt: { endpoint, model } }: TracedAttempt,
  at: EndpointFacts | undefined,
  writer: SpanWriter,
  { of, genAi }: Keys,
): void {
  writer.number(tags.kind, clientKind);
  if (at !== undefined) writer.raw(at.server);
  writer.textAttribute(of.endpoint, cut(endpoint));
  if (operation === undefined) {
    const isKnownMethod = knownMethods.has(method);
    writer.text(tags.name, isKnownMethod ? method : "HTTP");
    writer.textAttribute(of.method, isKnownMethod ? method : "_OTHER");
    return;
  }
  writer.text(tags.name, model === undefined ? operation : `${operation} ${cut(model)}`);
  writer.textAttribute(genAi.operation, operation);
  if (at !== undefined) writer.raw(at.provider);
  if (model !== undefined) writer.textAttribute(genAi.requestModel, cut(model));
}

/** What the answer has told of itself. Input tokens include what came from a cache, whatever the dialect. */
function encodeAnswer(
  { isStream, usage, milestones }: Outcome,
  startedMs: number,
  writer: SpanWriter,
  genAi: Keys["genAi"],
): void {
  if (isStream) writer.trueAttribute(genAi.isStream);
  const firstMs = milestones?.firstSentMs;
  if (firstMs !== undefined) {
    writer.doubleAttribute(genAi.timeToFirstChunk, Math.max(0, firstMs - startedMs) / 1000);
  }
  if (usage === undefined) return;
  if (usage.model !== undefined) writer.textAttribute(genAi.responseModel, cut(usage.model));
  if (usage.finish_reason !== undefined) writer.listAttribute(genAi.finishReasons, cut(usage.finish_reason));
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

/** @param error a bounded word; undefined where the span's status stays unset */
function endSpan(
  writer: SpanWriter,
  began: number,
  error: string | undefined,
  errorKey: AttributeKey,
  flags: number,
  isParentRemote: boolean,
): void {
  if (error !== undefined) {
    writer.textAttribute(errorKey, error);
    writer.raw(errorStatus);
  }
  writer.fixed32(flagsTag, flags | parentIsKnown | (isParentRemote ? parentIsRemote : 0));
  writer.endSpan(began);
}

/** `Status { code: ERROR }`, without a message: those may quote what endpoints say. */
const errorStatus = Uint8Array.of(statusTag, 2, 0x18, 2);

/** To a server what its client did wrong is no error: 4xx, and that it left. */
function requestError({ status, ending, error }: Outcome): string | undefined {
  const isFailed = ending !== "client-abort" && ending !== "complete" && ending !== "rejected";
  if (status < 500 && (!isFailed || (error !== undefined && errorTable[error.code].culprit === "client"))) {
    return undefined;
  }
  if (ending === "client-abort") return undefined;
  return error === undefined || error.code === "upstream_status" ? String(status) : error.code;
}

/** To a client 4xx is an error as well; that its own caller left is none. */
function attemptError({ status, error }: AttemptRecord): string | undefined {
  if (error === "client_abort") return undefined;
  if (error !== undefined && error !== "upstream_status") return error;
  if (status !== undefined && status >= 400) return String(status);
  return error;
}

/** Whether the attempt's answer is the one that went to the client, so that it lasted until the end. */
function isAnswering({ endpoint, attempts }: Outcome, attempt: AttemptRecord, index: number): boolean {
  return index === attempts.length - 1 && attempt.status !== undefined && attempt.endpoint === endpoint;
}

function cut(text: string, longest = longestText): string {
  return text.length > longest ? text.slice(0, longest) : text;
}
