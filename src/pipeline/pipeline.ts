import type { Candidate } from "../balancer/balancer.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Outcome } from "../observe/outcome.ts";
import type { Ending } from "../proxy/ending.ts";
import type { RelaySettings, UpstreamRequest } from "../proxy/engine.ts";
import { type RelayOptions, readWholeBody, relayStream } from "../proxy/relay.ts";
import type { Exchange } from "./exchange.ts";
import { type ForwardContext, type Forwarded, forward } from "./forward.ts";
import { type Inspection, inspect } from "./inspect.ts";
import { RequestLedger } from "./ledger.ts";
import type { ReadBody } from "./read-body.ts";
import type { Rejection, Route } from "./route.ts";

type RelayLimits = Pick<RelayOptions, "clock" | "firstByteMs" | "silenceMs" | "totalMs">;
type HeaderList = Iterable<readonly [string, string]>;

/** The stages and what they need, wired once in `app.ts`. */
export interface PipelineContext extends ForwardContext {
  readonly clock: Clock;
  readonly relay: RelaySettings;
  /** Longest time for an answer from the request's arrival, in milliseconds; 0 = none. */
  readonly responseTimeoutMs: number;
  readonly readBody: (exchange: Exchange) => Promise<ReadBody>;
  readonly route: (exchange: Exchange, inspection: Inspection) => Route | Rejection;
  /** Prepares what all attempts share and returns what builds one attempt's request. */
  readonly encoder: (exchange: Exchange, inspection: Inspection) => (candidate: Candidate) => UpstreamRequest;
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
    const inspection = inspect(body.bytes);
    ledger.noteRequest(inspection.model, body.bytes?.byteLength ?? 0);

    const route = context.route(exchange, inspection);
    ledger.noteDecision(route.decision);
    if ("error" in route) throw route.error;

    const forwarded = await forward(
      {
        candidates: route.candidates,
        clientSignal: exchange.request.signal,
        encode: context.encoder(exchange, inspection),
        onFailedAttempt: (record) => ledger.noteAttempt(record),
      },
      context,
    );
    return await answer(exchange, forwarded, ledger, context);
  } catch (cause) {
    return reject(exchange, cause, ledger, context);
  } finally {
    // A response head is here, or no attempt will follow: the body is not needed for replay any more.
    body?.release();
  }
}

/** From the response head on: there is no other candidate any more, only an ending. */
async function answer(
  exchange: Exchange,
  forwarded: Forwarded,
  ledger: RequestLedger,
  context: PipelineContext,
): Promise<Response> {
  ledger.noteAnswer(forwarded);
  const { response } = forwarded.answer;
  if (response.body === null || isShort(response, context.relay)) {
    return answerWhole(exchange, forwarded, ledger, context);
  }
  return answerStream(exchange, forwarded, ledger, context);
}

function isShort(response: Response, relay: RelaySettings): boolean {
  const declared = response.headers.get("content-length");
  return declared !== null && Number(declared) <= relay.wholeBodyLimitBytes;
}

/** Nothing has been sent to the client yet, so a body that breaks off still becomes a proper error answer. */
async function answerWhole(
  exchange: Exchange,
  forwarded: Forwarded,
  ledger: RequestLedger,
  context: PipelineContext,
): Promise<Response> {
  const { response } = forwarded.answer;
  try {
    const bytes =
      response.body === null
        ? null
        : await readWholeBody(forwarded.answer, limitsOf(exchange, forwarded, context));
    exchange.releaseHold();
    const elapsedMs = context.clock.now() - exchange.receivedAt;
    const headers = context.responseHeaders({ exchange, forwarded, ledger, elapsedMs, isStream: false });
    ledger.close({
      status: response.status,
      ending: "complete",
      responseBytes: bytes?.byteLength ?? 0,
      isStream: false,
    });
    return new Response(bytes, { status: response.status, headers });
  } finally {
    forwarded.answer.detach();
    forwarded.releaseConnection();
  }
}

function answerStream(
  exchange: Exchange,
  forwarded: Forwarded,
  ledger: RequestLedger,
  context: PipelineContext,
): Response {
  const { response, headAt } = forwarded.answer;
  const contentType = response.headers.get("content-type") ?? "";
  const isStream = isEventStream(contentType);
  const body = relayStream(forwarded.answer, response.body as ReadableStream<Uint8Array>, {
    ...limitsOf(exchange, forwarded, context),
    clientSignal: exchange.request.signal,
    renderError: (error) => exchange.renderStreamError(error, contentType),
    onEnd: ({ ending, bytes, error }) => {
      exchange.releaseHold();
      forwarded.releaseConnection();
      ledger.close({ status: response.status, ending, responseBytes: bytes, isStream, error });
    },
  });
  const elapsedMs = headAt - exchange.receivedAt;
  const headers = context.responseHeaders({ exchange, forwarded, ledger, elapsedMs, isStream });
  return new Response(body, { status: response.status, headers });
}

function limitsOf(exchange: Exchange, forwarded: Forwarded, context: PipelineContext): RelayLimits {
  const { responseHeaderMs, readMs } = forwarded.candidate.endpoint.timeouts;
  const { startedAt, headAt } = forwarded.answer;
  const now = context.clock.now();
  return {
    clock: context.clock,
    firstByteMs: responseHeaderMs > 0 ? Math.max(1, responseHeaderMs - (headAt - startedAt)) : 0,
    silenceMs: readMs,
    totalMs:
      context.responseTimeoutMs > 0
        ? Math.max(1, context.responseTimeoutMs - (now - exchange.receivedAt))
        : 0,
  };
}

function isEventStream(contentType: string): boolean {
  return contentType.startsWith("text/event-stream") || contentType.startsWith("application/x-ndjson");
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
