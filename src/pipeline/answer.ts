import { placeOf } from "../balancer/sticky.ts";
import { OllaError } from "../errors.ts";
import { chooseDelivery, createWriteShaper, type WriteShaper } from "../proxy/delivery.ts";
import type { Ending } from "../proxy/ending.ts";
import type { RelaySettings } from "../proxy/engine.ts";
import { keepaliveBytes } from "../proxy/keepalive.ts";
import { type RelayLimits, type RelaySource, relayStream } from "../proxy/relay.ts";
import { streamFramingOf } from "../proxy/stream-kind.ts";
import { watchResponse } from "../proxy/stream-watch.ts";
import type { AttemptVerdict } from "../proxy/traffic.ts";
import { filterUsage, withoutUsage } from "../proxy/usage-filter.ts";
import { readWholeBody } from "../proxy/whole-body.ts";
import type { AnswerStream } from "../translate/client-api.ts";
import { findResponseId, isResponsesPath } from "./affinity.ts";
import { readUsage, watchUsage } from "./answer-usage.ts";
import type { Exchange } from "./exchange.ts";
import type { Forwarded } from "./forward.ts";
import type { RequestLedger } from "./ledger.ts";
import type { PipelineContext } from "./pipeline.ts";
import { clarifyRefusal, mayNeedWords } from "./refusal-words.ts";
import { translateWhole, translateWrites, translationHeaders } from "./translated-answer.ts";
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
    if (body.kind === "unread" && isReadWhole(forwarded, context.relay)) {
      return await answerWhole(delivered, undefined);
    }
    if (forwarded.dispatch.translated !== undefined && !response.ok) {
      return await answerWhole(delivered, body.kind === "begun" ? Buffer.concat(body.chunks) : undefined);
    }
    return answerStream(delivered);
  } catch (cause) {
    // Nobody will read the rest. After a failed read this is done already; after a fault of our own it is not.
    forwarded.claim.end("neutral");
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
  return !response.ok || streamFramingOf(response.headers.get("content-type")) === undefined;
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
  forwarded.claim.end(verdictOfEnding("complete", response.status));
  noteResponseId(bytes, delivered);
  const usage = readUsage(forwarded, bytes, context.clock);
  const said = wordsFor(delivered, bytes);
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

/** What the client is told: mostly what the endpoint said. */
function wordsFor({ exchange, forwarded, hidesUsage }: Delivered, bytes: Uint8Array): Words {
  const { answer, dispatch } = forwarded;
  const { status, headers } = answer.response;
  if (dispatch.translated !== undefined) return translateWhole(forwarded, dispatch.translated, bytes);
  if (hidesUsage) return { status, bytes: withoutUsage(bytes) };
  return mayNeedWords(status, headers)
    ? clarifyRefusal(bytes, { status, requestId: exchange.requestId, path: dispatch.upstreamPath })
    : { status, bytes };
}

function answerStream(delivered: Delivered): Response {
  const { exchange, forwarded, ledger, context } = delivered;
  const { response, headAt } = forwarded.answer;
  const { translated } = forwarded.dispatch;
  const translation = translated?.translation.openStream(translated.target);
  const contentType = translation?.contentType ?? response.headers.get("content-type") ?? "";
  const isStream = streamFramingOf(contentType) !== undefined;
  const isEncoded = response.headers.has("content-encoding");
  const keepaliveText = context.keepaliveMs > 0 ? keepaliveBytes(exchange.dialect, contentType) : undefined;
  const [beginning] = forwarded.body.kind === "begun" ? forwarded.body.chunks : [];
  if (beginning !== undefined) noteResponseId(beginning, delivered);
  const usage = watchUsage(forwarded, context.clock);
  const source = bodySource(forwarded);
  const body = relayStream(
    forwarded.answer,
    { ...source, shaper: shaperFor(delivered, contentType, translation, source), usage },
    {
      ...limitsOf(forwarded, context),
      keepalive:
        keepaliveText === undefined ? undefined : { intervalMs: context.keepaliveMs, bytes: keepaliveText },
      renderError: (error, lastByte) => {
        if (translation !== undefined) return translation.fail(error);
        // Plain text behind compressed bytes would be noise.
        return isEncoded ? undefined : exchange.renderStreamError(error, contentType, lastByte);
      },
      onEnd: ({ ending, bytes, error }) => {
        exchange.releaseHold();
        forwarded.claim.end(
          error === undefined ? verdictOfEnding(ending, response.status) : verdictOfError(error),
        );
        if (error?.code === "internal") context.onInternalError(error, exchange);
        ledger.close({
          status: response.status,
          ending,
          responseBytes: bytes,
          isStream,
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
    return translateWrites(shaper, translation, () => watch?.isTerminated === true);
  }
  return hidesUsage ? filterUsage(shaper) : shaper;
}

function noteResponseId(start: Uint8Array, { exchange, forwarded, ledger, context }: Delivered): void {
  const { candidate, answer, dispatch } = forwarded;
  // An answer that was translated has an id of ours, and any endpoint can go on from it.
  if (ledger.sticky === undefined || dispatch.translated !== undefined) return;
  if (!answer.response.ok || !isResponsesPath(exchange.upstreamPath)) return;
  const id = findResponseId(start);
  if (id !== undefined) context.onResponseId(id, ledger.model, placeOf(candidate));
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
  if (ending === "client-abort") return "neutral";
  if (ending !== "complete") return "stream";
  return verdictOfAnswer(status);
}

function limitsOf({ candidate, answer }: Forwarded, { clock }: PipelineContext): RelayLimits {
  const { responseHeaderMs, readMs } = candidate.endpoint.timeouts;
  const usedMs = answer.headAt - answer.startedAt;
  const firstByteMs = responseHeaderMs > 0 ? Math.max(1, responseHeaderMs - usedMs) : 0;
  return { clock, firstByteMs, silenceMs: readMs };
}
