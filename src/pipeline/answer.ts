import { placeOf } from "../balancer/sticky.ts";
import { OllaError } from "../errors.ts";
import { chooseDelivery, createWriteShaper, type WriteShaper } from "../proxy/delivery.ts";
import type { Ending } from "../proxy/ending.ts";
import type { RelaySettings } from "../proxy/engine.ts";
import type { StreamError } from "../proxy/event-verdict.ts";
import { keepaliveBytes } from "../proxy/keepalive.ts";
import { type RelayLimits, type RelaySource, relayStream } from "../proxy/relay.ts";
import { streamFramingOf } from "../proxy/stream-kind.ts";
import { judgeEnd, watchResponse } from "../proxy/stream-watch.ts";
import type { AttemptVerdict } from "../proxy/traffic.ts";
import { filterUsage, withoutUsage } from "../proxy/usage-filter.ts";
import { readWholeBody } from "../proxy/whole-body.ts";
import type { AnswerStream } from "../translate/client-api.ts";
import { PassingResponses } from "../translate/responses/broken-stream.ts";
import { findResponseId, isResponsesPath } from "./affinity.ts";
import { readUsage, watchUsage } from "./answer-usage.ts";
import type { Exchange } from "./exchange.ts";
import type { Forwarded } from "./forwarding.ts";
import type { RequestLedger } from "./ledger.ts";
import type { PipelineContext } from "./pipeline.ts";
import { clarifyOverflow, clarifyRefusal, mayNeedWords, refusalInStream } from "./refusal-words.ts";
import { refuseEncoded, translateWhole, translateWrites, translationHeaders } from "./translated-answer.ts";
import { verdictOfAnswer, verdictOfError } from "./verdict.ts";

/** An answer on its way to the client. */
export interface Delivered {
  readonly exchange: Exchange;
  readonly forwarded: Forwarded;
  readonly ledger: RequestLedger;
  readonly context: PipelineContext;
  /** It is a stream that holds token counts which only Olla has asked for. */
  readonly hidesUsage: boolean;
}

/** From here on there is no other candidate any more, only an ending. */
export async function answer(delivered: Delivered): Promise<Response> {
  const { forwarded, ledger, context } = delivered;
  ledger.noteAnswer(forwarded);
  const { body } = forwarded;
  const { response } = forwarded.answer;
  try {
    if (body.kind === "whole") return await answerWhole(delivered, body.bytes);
    if (body.kind === "begun" && body.reported !== undefined) {
      const refusal = wordsForReported(delivered, body.chunks, body.reported);
      if (refusal !== undefined) return answerReported(delivered, refusal, body.reported);
    }
    if (forwarded.dispatch.translated !== undefined && !response.ok) {
      return await answerWhole(delivered, cutShort(forwarded));
    }
    if (body.kind === "unread" && isReadWhole(forwarded, context.relay)) {
      return await answerWhole(delivered, undefined);
    }
    return answerStream(delivered);
  } catch (cause) {
    // Nobody will read the rest. After a failed read this is done already; after a fault of our own it is not.
    forwarded.claim.end(cause instanceof OllaError ? verdictOfError(cause) : "neutral");
    forwarded.answer.abort(new OllaError("internal", "Olla failed on this request", { cause }));
    forwarded.answer.detach();
    throw cause;
  }
}

/** Short ones, and those that must be understood before anything of them can be said. */
function isReadWhole({ answer: { response }, dispatch }: Forwarded, relay: RelaySettings): boolean {
  const declared = response.headers.get("content-length");
  const isShort = declared !== null && Number(declared) <= relay.wholeBodyLimitBytes;
  if (isShort || response.body === null) return true;
  if (dispatch.translated === undefined) return false;
  const isStream = streamFramingOf(response.headers.get("content-type")) !== undefined;
  return !isStream || !dispatch.translated.translation.isStream;
}

/** What is there of a refusal that goes on for longer than anybody reads. */
function cutShort({ answer, body }: Forwarded): Uint8Array {
  answer.abort(new OllaError("upstream_failed", "The rest of the answer is not needed"));
  answer.detach();
  return body.kind === "begun" ? Buffer.concat(body.chunks) : new Uint8Array(0);
}

/** Nothing has been sent to the client yet, so a body that breaks off still becomes a proper error answer. */
async function answerWhole(delivered: Delivered, kept: Uint8Array | undefined): Promise<Response> {
  const { exchange, forwarded, ledger, context } = delivered;
  const { response } = forwarded.answer;
  let bytes: Uint8Array;
  try {
    bytes = kept ?? (await readWholeBody(forwarded.answer, limitsOf(forwarded, context)));
  } catch (cause) {
    forwarded.claim.end(cause instanceof OllaError ? verdictOfError(cause) : "neutral");
    throw cause;
  }
  const said = wordsFor(delivered, bytes);
  forwarded.claim.end(verdictOfEnding("complete", response.status));
  noteResponseId(bytes, delivered);
  const usage = readUsage(forwarded, bytes, context.clock);
  exchange.releaseHold();
  const elapsedMs = context.clock.now() - exchange.receivedAt;
  const upstreamHeaders = said.headers ?? response.headers;
  const headers = context.responseHeaders({
    exchange,
    forwarded,
    ledger,
    elapsedMs,
    isStream: false,
    upstreamHeaders,
  });
  if (said.bytes !== bytes) headers.delete("content-length");
  const { status } = said;
  ledger.close({ status, ending: "complete", responseBytes: said.bytes.byteLength, isStream: false, usage });
  return new Response(said.bytes.byteLength === 0 ? null : said.bytes, { status, headers });
}

interface Words {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** Undefined: the endpoint's own. */
  readonly headers?: Headers;
}

/** The endpoint began a stream with an error: nothing was said yet, so the client gets a refusal with a status. */
function answerReported(delivered: Delivered, said: Words, reported: StreamError): Response {
  const { exchange, forwarded, ledger, context } = delivered;
  const error = new OllaError(
    "stream_error",
    `Endpoint "${forwarded.candidate.endpoint.name}" reported an error instead of an answer`,
  );
  forwarded.answer.abort(error);
  forwarded.answer.detach();
  const isClients = (reported.status ?? said.status) < 500;
  forwarded.claim.end(isClients ? verdictOfAnswer(said.status) : "stream");
  exchange.releaseHold();
  const headers = context.responseHeaders({
    exchange,
    forwarded,
    ledger,
    elapsedMs: context.clock.now() - exchange.receivedAt,
    isStream: false,
    upstreamHeaders: said.headers ?? new Headers(),
  });
  ledger.close({
    status: said.status,
    ending: isClients ? "complete" : "upstream-error",
    responseBytes: said.bytes.byteLength,
    isStream: false,
    error: isClients ? undefined : error,
  });
  return new Response(said.bytes, { status: said.status, headers });
}

/** Undefined where the stream itself tells it best. */
function wordsForReported(
  { exchange, forwarded: { dispatch } }: Delivered,
  chunks: readonly Uint8Array[],
  reported: StreamError,
): Words | undefined {
  const refusal = refusalInStream(chunks, reported);
  if (dispatch.translated !== undefined) {
    const { status, contentType, body } = dispatch.translated.translation.renderRefusal(refusal);
    return { status, bytes: body, headers: new Headers({ "Content-Type": contentType }) };
  }
  return clarifyOverflow(refusal, { requestId: exchange.requestId, path: dispatch.upstreamPath });
}

/** What the client is told: mostly what the endpoint said. */
function wordsFor({ exchange, forwarded, hidesUsage }: Delivered, bytes: Uint8Array): Words {
  const { answer, dispatch } = forwarded;
  const { status, headers } = answer.response;
  if (dispatch.translated !== undefined) return translateWhole(forwarded, dispatch.translated, bytes);
  if (hidesUsage) return { status, bytes: withoutUsage(bytes) };
  return mayNeedWords(status, headers)
    ? clarifyRefusal(bytes, status, { requestId: exchange.requestId, path: dispatch.upstreamPath })
    : { status, bytes };
}

function answerStream(delivered: Delivered): Response {
  const { exchange, forwarded, ledger, context } = delivered;
  const { response, headAt } = forwarded.answer;
  const { translated } = forwarded.dispatch;
  if (translated !== undefined) refuseEncoded(response.headers);
  const translation = translated?.translation.openStream(translated.target);
  const contentType = translation?.contentType ?? response.headers.get("content-type") ?? "";
  const isStream = streamFramingOf(contentType) !== undefined;
  const isEncoded = response.headers.has("content-encoding");
  const keepaliveText = context.keepaliveMs > 0 ? keepaliveBytes(exchange.dialect, contentType) : undefined;
  const [beginning] = forwarded.body.kind === "begun" ? forwarded.body.chunks : [];
  if (beginning !== undefined) noteResponseId(beginning, delivered);
  const usage = watchUsage(forwarded, context.clock);
  const source = bodySource(forwarded);
  const isPassingResponses = translation === undefined && isStream && !isEncoded;
  const passing =
    isPassingResponses && isResponsesPath(exchange.upstreamPath) ? new PassingResponses() : undefined;
  const shaper = noticing(passing, shaperFor(delivered, contentType, translation, source));
  const body = relayStream(
    forwarded.answer,
    { ...source, shaper, usage },
    {
      ...limitsOf(forwarded, context),
      keepalive:
        keepaliveText === undefined ? undefined : { intervalMs: context.keepaliveMs, bytes: keepaliveText },
      renderError: (error, lastByte) => {
        if (translation !== undefined) return translation.fail(error);
        if (passing !== undefined) return passing.renderError(error);
        // Plain text behind compressed bytes would be noise.
        return isEncoded ? undefined : exchange.renderStreamError(error, contentType, lastByte);
      },
      onEnd: ({ ending: relayed, bytes, writes, firstSentAt, error }) => {
        exchange.releaseHold();
        // The bytes may be in order and yet no answer.
        const ending = relayed === "complete" && translation?.hasFailed ? "upstream-error" : relayed;
        forwarded.claim.end(
          error === undefined ? verdictOfEnding(ending, response.status) : verdictOfError(error),
        );
        if (error?.code === "internal") context.onInternalError(error, exchange);
        ledger.close({
          status: response.status,
          ending,
          responseBytes: bytes,
          isStream,
          writes,
          firstSentAt,
          error,
          usage: ending === "complete" ? usage?.read() : undefined,
        });
      },
    },
  );
  const elapsedMs = headAt - exchange.receivedAt;
  const upstreamHeaders =
    translation === undefined
      ? response.headers
      : translationHeaders(response.headers, contentType, isStream);
  const headers = context.responseHeaders({
    exchange,
    forwarded,
    ledger,
    elapsedMs,
    isStream,
    upstreamHeaders,
  });
  if (delivered.hidesUsage) headers.delete("content-length");
  return new Response(body, { status: response.status, headers });
}

function noticing(passing: PassingResponses | undefined, shaper: WriteShaper): WriteShaper {
  if (passing === undefined) return shaper;
  return {
    ...shaper,
    push(chunk) {
      passing.push(chunk);
      shaper.push(chunk);
    },
  };
}

function shaperFor(
  { context, ledger, hidesUsage }: Delivered,
  contentType: string,
  translation: AnswerStream | undefined,
  { watch }: Omit<RelaySource, "shaper">,
): WriteShaper {
  const { wantsStream } = ledger;
  const shaper = createWriteShaper(
    chooseDelivery({ mode: context.deliveryMode, contentType, wantsStream }),
    context.writeLimitBytes,
  );
  if (translation !== undefined) {
    return translateWrites(shaper, translation, () => watch !== undefined && judgeEnd(watch) === "cut");
  }
  return hidesUsage ? filterUsage(shaper) : shaper;
}

function noteResponseId(start: Uint8Array, { exchange, forwarded, ledger, context }: Delivered): void {
  const { candidate, answer, dispatch } = forwarded;
  // An answer that was translated has an id of ours, and any endpoint can go on from it.
  if (ledger.sticky === undefined || dispatch.translated !== undefined) return;
  if (!answer.response.ok || !isResponsesPath(exchange.upstreamPath)) return;
  const id = findResponseId(start);
  if (id !== undefined) context.onResponseId(id, ledger.model, placeOf(candidate), exchange.clientKey?.name);
}

/** What is left to read of a body, and who watches it. */
function bodySource({ answer, body, dispatch }: Forwarded): Omit<RelaySource, "shaper"> {
  if (body.kind === "begun") return body;
  const { response } = answer;
  if (response.body === null) throw new OllaError("internal", "A body that is none was to be streamed");
  const watch = watchResponse(response, dispatch.upstreamPath);
  return { reader: response.body.getReader(), chunks: [], watch };
}

function verdictOfEnding(ending: Ending, status: number): AttemptVerdict {
  if (ending === "client-abort" || ending === "cancelled") return "neutral";
  if (ending !== "complete") return "stream";
  return verdictOfAnswer(status);
}

function limitsOf({ candidate, answer }: Forwarded, { clock }: PipelineContext): RelayLimits {
  const { responseHeaderMs, readMs } = candidate.endpoint.timeouts;
  const usedMs = clock.now() - answer.startedAt;
  const firstByteMs = responseHeaderMs > 0 ? Math.max(1, responseHeaderMs - usedMs) : 0;
  return { clock, firstByteMs, silenceMs: readMs };
}
