import type { Candidate } from "../balancer/balancer.ts";
import { placeOf, type StickyRequest } from "../balancer/sticky.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Outcome } from "../observe/outcome.ts";
import { chooseDelivery, createWriteShaper, type DeliveryQuestion } from "../proxy/delivery.ts";
import type { Ending } from "../proxy/ending.ts";
import type { RelaySettings, UpstreamRequest } from "../proxy/engine.ts";
import { keepaliveBytes } from "../proxy/keepalive.ts";
import { type RelayLimits, type RelaySource, relayStream } from "../proxy/relay.ts";
import { streamFramingOf } from "../proxy/stream-kind.ts";
import { watchResponse } from "../proxy/stream-watch.ts";
import type { AttemptVerdict } from "../proxy/traffic.ts";
import { filterUsage, withoutUsage } from "../proxy/usage-filter.ts";
import { readWholeBody } from "../proxy/whole-body.ts";
import { findResponseId, isResponsesPath } from "./affinity.ts";
import { readUsage, watchUsage } from "./answer-usage.ts";
import { commitEarly, type EarlyCommit } from "./early-commit.ts";
import type { Exchange } from "./exchange.ts";
import { type ForwardContext, type Forwarded, forward } from "./forward.ts";
import { UsageInjection } from "./inject-usage.ts";
import { type Inspection, inspectRequest } from "./inspect.ts";
import { RequestLedger } from "./ledger.ts";
import type { ReadBody } from "./read-body.ts";
import type { RefreshNeeded, Rejection, Route } from "./route.ts";
import type { RefreshOutcome } from "./routing-strategy.ts";
import { verdictOfAnswer, verdictOfError } from "./verdict.ts";

type HeaderList = Iterable<readonly [string, string]>;

/** The stages and what they need, wired once in `app.ts`. */
export interface PipelineContext extends ForwardContext {
  readonly clock: Clock;
  readonly relay: RelaySettings;
  /** `proxy.profile`. */
  readonly deliveryMode: DeliveryQuestion["mode"];
  /** Largest single write of a streamed body, and what a coalesced one is collected up to. */
  readonly writeLimitBytes: number;
  /** Silence after which something is written into a stream, in milliseconds; 0 = never. */
  readonly keepaliveMs: number;
  /** How to answer the head before the endpoint does; undefined where that is off or makes no sense. */
  readonly earlyCommit: (
    exchange: Exchange,
    inspection: Inspection,
    ledger: RequestLedger,
  ) => EarlyCommit | undefined;
  readonly readBody: (exchange: Exchange) => Promise<ReadBody>;
  /** Says `RefreshNeeded` at most while `refreshed` is undefined. */
  readonly route: (
    exchange: Exchange,
    inspection: Inspection,
    refreshed: RefreshOutcome | undefined,
  ) => Route | Rejection | RefreshNeeded;
  /** Asks the endpoints for their models. @throws OllaError `client_abort` */
  readonly refreshModels: (clientSignal: AbortSignal) => Promise<RefreshOutcome>;
  /** Whether `beginSticky` needs to see the conversation in the body. */
  readonly looksAtConversation: boolean;
  /** Undefined while sessions are not sticky. */
  readonly beginSticky: (exchange: Exchange, inspection: Inspection) => StickyRequest | undefined;
  /** An answer of the Responses API has an id that a later request may refer back to. */
  readonly onResponseId: (id: string, model: string | undefined, place: string) => void;
  /** Prepares what all attempts share and returns what builds one attempt's request. */
  readonly encoder: (exchange: Exchange, inspection: Inspection) => (candidate: Candidate) => UpstreamRequest;
  /** `proxy.inject_usage`. */
  readonly injectsUsage: boolean;
  readonly responseHeaders: (answered: Answered) => Headers;
  /** The `X-Olla-*` headers of an answer that is ours: errors and rejections. */
  readonly errorHeaders: (exchange: Exchange, ledger: RequestLedger) => HeaderList;
  readonly record: (outcome: Outcome) => void;
  /** A fault of our own: logged with its cause, which the client does not see. */
  readonly onInternalError: (error: OllaError, exchange: Exchange) => void;
}

/** What the response headers are made from. */
export interface Answered {
  readonly exchange: Exchange;
  readonly forwarded: Forwarded;
  readonly ledger: RequestLedger;
  /** For `X-Olla-Response-Time`. */
  readonly elapsedMs: number;
  readonly isStream: boolean;
}

export interface Pipeline {
  /** Answers a client request; never rejects. */
  handle(exchange: Exchange): Promise<Response>;
}

export function createPipeline(context: PipelineContext): Pipeline {
  return { handle: (exchange) => handle(exchange, context) };
}

async function handle(exchange: Exchange, context: PipelineContext): Promise<Response> {
  const ledger = new RequestLedger(exchange, context.clock, context.record);
  let body: ReadBody | undefined;
  try {
    body = await context.readBody(exchange);
    exchange.holdOpen();
    const inspection = inspectRequest(exchange, body, context.looksAtConversation);
    ledger.noteRequest(inspection, body.bytes?.byteLength ?? 0);

    const route = await findRoute(exchange, inspection, context);
    ledger.noteDecision(route.decision);
    if ("error" in route) throw route.error;

    const early = context.earlyCommit(exchange, inspection, ledger);
    const answered = deliver(exchange, inspection, route, ledger, body, context);
    return early === undefined ? await answered : await commitEarly(answered, early);
  } catch (cause) {
    body?.release();
    return reject(exchange, cause, ledger, context);
  }
}

async function findRoute(
  exchange: Exchange,
  inspection: Inspection,
  context: PipelineContext,
): Promise<Route | Rejection> {
  const route = context.route(exchange, inspection, undefined);
  if (!("isRefreshNeeded" in route)) return route;
  const refreshed = await context.refreshModels(exchange.request.signal);
  const second = context.route(exchange, inspection, refreshed);
  if ("isRefreshNeeded" in second) throw new OllaError("internal", "Routing asks for the models again");
  return second;
}

/** Sends the request on and answers; never rejects. */
async function deliver(
  exchange: Exchange,
  inspection: Inspection,
  { candidates }: Route,
  ledger: RequestLedger,
  body: ReadBody,
  context: PipelineContext,
): Promise<Response> {
  let sticky: StickyRequest | undefined;
  try {
    sticky = context.beginSticky(exchange, inspection);
    ledger.noteSticky(sticky);
    const encode = context.encoder(exchange, inspection);
    const injection =
      context.injectsUsage && inspection.wantsStream ? new UsageInjection(exchange.upstreamPath) : undefined;
    const forwarded = await forward(
      {
        candidates,
        client: { signal: exchange.request.signal, receivedAt: exchange.receivedAt },
        upstreamPath: exchange.upstreamPath,
        sticky,
        encode:
          injection === undefined ? encode : (candidate) => injection.addTo(encode(candidate), candidate),
        onFailedAttempt: (record) => ledger.noteAttempt(record),
      },
      context,
    );
    const hidesUsage = injection?.isHiddenIn(forwarded) === true;
    return await answer(exchange, { ...forwarded, hidesUsage }, ledger, context);
  } catch (cause) {
    return reject(exchange, cause, ledger, context);
  } finally {
    // A response head is here, or no attempt will follow: the body is not needed for replay any more.
    body.release();
    sticky?.release();
  }
}

/** An answer on its way to the client. */
interface Delivered extends Forwarded {
  /** It is a stream that holds token counts which only Olla has asked for. */
  readonly hidesUsage: boolean;
}

/** From here on there is no other candidate any more, only an ending. */
async function answer(
  exchange: Exchange,
  forwarded: Delivered,
  ledger: RequestLedger,
  context: PipelineContext,
): Promise<Response> {
  ledger.noteAnswer(forwarded);
  const { body } = forwarded;
  const { response } = forwarded.answer;
  try {
    if (body.kind === "whole") return await answerWhole(exchange, forwarded, ledger, context, body.bytes);
    if (body.kind === "unread" && (isShort(response, context.relay) || response.body === null)) {
      return await answerWhole(exchange, forwarded, ledger, context, undefined);
    }
    return answerStream(exchange, forwarded, ledger, context);
  } catch (cause) {
    // Nobody will read the rest. After a failed read this is done already; after a fault of our own it is not.
    forwarded.claim.end("neutral");
    forwarded.answer.abort(new OllaError("internal", "Olla failed on this request", { cause }));
    forwarded.answer.detach();
    throw cause;
  }
}

function isShort(response: Response, relay: RelaySettings): boolean {
  const declared = response.headers.get("content-length");
  return declared !== null && Number(declared) <= relay.wholeBodyLimitBytes;
}

/** Nothing has been sent to the client yet, so a body that breaks off still becomes a proper error answer. */
async function answerWhole(
  exchange: Exchange,
  forwarded: Delivered,
  ledger: RequestLedger,
  context: PipelineContext,
  kept: Uint8Array | undefined,
): Promise<Response> {
  const { response } = forwarded.answer;
  let bytes: Uint8Array;
  try {
    bytes = kept ?? (await readWholeBody(forwarded.answer, limitsOf(forwarded, context)));
  } catch (cause) {
    forwarded.claim.end(cause instanceof OllaError ? verdictOfError(cause) : "neutral");
    throw cause;
  }
  exchange.releaseHold();
  forwarded.claim.end(verdictOfEnding("complete", response.status));
  noteResponseId(bytes, exchange, forwarded, ledger, context);
  const elapsedMs = context.clock.now() - exchange.receivedAt;
  const headers = context.responseHeaders({ exchange, forwarded, ledger, elapsedMs, isStream: false });
  const usage = readUsage(forwarded, bytes, context.clock);
  if (forwarded.hidesUsage) {
    bytes = withoutUsage(bytes);
    headers.delete("content-length");
  }
  ledger.close({
    status: response.status,
    ending: "complete",
    responseBytes: bytes.byteLength,
    isStream: false,
    usage,
  });
  return new Response(bytes.byteLength === 0 ? null : bytes, { status: response.status, headers });
}

function answerStream(
  exchange: Exchange,
  forwarded: Delivered,
  ledger: RequestLedger,
  context: PipelineContext,
): Response {
  const { hidesUsage } = forwarded;
  const { response, headAt } = forwarded.answer;
  const contentType = response.headers.get("content-type") ?? "";
  const isStream = streamFramingOf(contentType) !== undefined;
  const isEncoded = response.headers.has("content-encoding");
  const wantsStream = ledger.wantsStream;
  const shaper = createWriteShaper(
    chooseDelivery({ mode: context.deliveryMode, contentType, wantsStream }),
    context.writeLimitBytes,
  );
  const keepaliveText = context.keepaliveMs > 0 ? keepaliveBytes(exchange.dialect, contentType) : undefined;
  const [beginning] = forwarded.body.kind === "begun" ? forwarded.body.chunks : [];
  if (beginning !== undefined) noteResponseId(beginning, exchange, forwarded, ledger, context);
  const usage = watchUsage(forwarded, context.clock);
  const body = relayStream(
    forwarded.answer,
    { ...bodySource(forwarded, exchange), shaper: hidesUsage ? filterUsage(shaper) : shaper, usage },
    {
      ...limitsOf(forwarded, context),
      keepalive:
        keepaliveText === undefined ? undefined : { intervalMs: context.keepaliveMs, bytes: keepaliveText },
      // Plain text behind compressed bytes would be noise.
      renderError: (error, lastByte) =>
        isEncoded ? undefined : exchange.renderStreamError(error, contentType, lastByte),
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
  const headers = context.responseHeaders({ exchange, forwarded, ledger, elapsedMs, isStream });
  if (hidesUsage) headers.delete("content-length");
  return new Response(body, { status: response.status, headers });
}

function noteResponseId(
  start: Uint8Array,
  exchange: Exchange,
  { candidate, answer: { response } }: Forwarded,
  ledger: RequestLedger,
  context: PipelineContext,
): void {
  if (ledger.sticky === undefined || !response.ok || !isResponsesPath(exchange.upstreamPath)) return;
  const id = findResponseId(start);
  if (id !== undefined) context.onResponseId(id, ledger.model, placeOf(candidate));
}

/** What is left to read of a body, and who watches it. */
function bodySource({ answer, body }: Forwarded, exchange: Exchange): Omit<RelaySource, "shaper"> {
  if (body.kind === "begun") return body;
  const { response } = answer;
  if (response.body === null) throw new OllaError("internal", "A body that is none was to be streamed");
  const watch = watchResponse(response, exchange.upstreamPath);
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

function reject(
  exchange: Exchange,
  cause: unknown,
  ledger: RequestLedger,
  context: PipelineContext,
): Response {
  const error =
    cause instanceof OllaError ? cause : new OllaError("internal", "Olla failed on this request", { cause });
  if (error.code === "internal") context.onInternalError(error, exchange);
  const response = exchange.renderError(error, context.errorHeaders(exchange, ledger));
  exchange.releaseHold();
  ledger.close({
    status: error.status,
    ending: endingOfRejection(error, ledger),
    responseBytes: Number(response.headers.get("content-length") ?? 0),
    isStream: false,
    error,
  });
  return response;
}

function endingOfRejection(error: OllaError, ledger: RequestLedger): Ending {
  if (error.code === "client_abort") return "client-abort";
  return ledger.endpointName === undefined ? "rejected" : "upstream-error";
}
