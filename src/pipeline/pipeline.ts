import type { Candidate, Candidates } from "../balancer/balancer.ts";
import type { StickyRequest } from "../balancer/sticky.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { LiveRequests } from "../observe/live-requests.ts";
import type { Outcome } from "../observe/outcome.ts";
import { PlaceGone } from "../proxy/admission.ts";
import type { DeliveryQuestion } from "../proxy/delivery.ts";
import type { Ending } from "../proxy/ending.ts";
import type { RelaySettings } from "../proxy/engine.ts";
import type { ClientApi, TranslatedAnswer } from "../translate/client-api.ts";
import { answer } from "./answer.ts";
import { ApiRequest } from "./api-request.ts";
import { commitEarly, type EarlyCommit } from "./early-commit.ts";
import type { Dispatch } from "./encode-attempt.ts";
import type { Exchange } from "./exchange.ts";
import { forward } from "./forward.ts";
import type { ForwardContext, Forwarded } from "./forwarding.ts";
import { UsageInjection } from "./inject-usage.ts";
import { type Inspection, inspectRequest } from "./inspect.ts";
import { RequestLedger } from "./ledger.ts";
import type { NativeSupport } from "./native-support.ts";
import type { ReadBody } from "./read-body.ts";
import type { RefreshNeeded, Rejection, Route } from "./route.ts";
import type { RefreshOutcome } from "./routing-strategy.ts";
import { senderOf } from "./sender.ts";

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
  readonly readBody: (exchange: Exchange) => Promise<ReadBody> | ReadBody;
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
  readonly onResponseId: (id: string, model: string | undefined, place: string, owner?: string) => void;
  /** The API that the client speaks, where not every endpoint knows it. */
  readonly findApi: (exchange: Exchange) => ClientApi | undefined;
  readonly nativeSupport: NativeSupport;
  /** Prepares what all attempts share and returns what builds one attempt's request. */
  readonly encoder: (
    exchange: Exchange,
    inspection: Inspection,
    apiRequest: ApiRequest | undefined,
  ) => (candidate: Candidate) => Dispatch;
  /** `proxy.inject_usage`. */
  readonly injectsUsage: boolean;
  /** Whether one of these endpoints has a limit of tokens. */
  readonly countsTokensAt: (candidates: Candidates) => boolean;
  readonly responseHeaders: (answered: Answered) => Headers;
  /** The `X-Olla-*` headers of an answer that is ours: errors and rejections. */
  readonly errorHeaders: (exchange: Exchange, ledger: RequestLedger) => HeaderList;
  readonly record: (outcome: Outcome) => void;
  /** The requests under way, for operators. */
  readonly live?: LiveRequests | undefined;
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
  /** The endpoint's own, or what is left of them when its answer was translated. */
  readonly upstreamHeaders: Headers;
}

export interface Pipeline {
  /** Answers a client request; never rejects. */
  handle(exchange: Exchange): Promise<Response>;
}

export function createPipeline(context: PipelineContext): Pipeline {
  return { handle: (exchange) => handle(exchange, context) };
}

async function handle(exchange: Exchange, context: PipelineContext): Promise<Response> {
  const ledger = new RequestLedger(exchange, context);
  const api = context.findApi(exchange);
  if (api !== undefined && api.isCommon !== true) ledger.noteClientApi(api.name);
  let body: ReadBody | undefined;
  try {
    body = await context.readBody(exchange);
    ledger.noteBody();
    exchange.holdOpen();
    const inspection = inspectRequest(exchange, body, context.looksAtConversation);
    ledger.noteRequest(inspection, body.bytes?.byteLength ?? 0);
    if (inspection.model === undefined && api?.explainMissingModel !== undefined) {
      throw api.explainMissingModel(inspection.body);
    }

    const found = findRoute(exchange, inspection, context);
    const route = found instanceof Promise ? await found : found;
    ledger.noteDecision(route);
    ledger.noteRouted("error" in route);
    if ("error" in route) throw route.error;

    const early = context.earlyCommit(exchange, inspection, ledger);
    const apiRequest = api && new ApiRequest(api, inspection, context.nativeSupport, exchange.requestId);
    const answered = deliver({ exchange, inspection, route, apiRequest, ledger, body }, context);
    // Without `await`, which would take one turn more: neither rejects.
    return early === undefined ? answered : commitEarly(answered, early);
  } catch (cause) {
    body?.release();
    return reject(exchange, cause, ledger, context);
  }
}

export function findRoute(
  exchange: Exchange,
  inspection: Inspection,
  context: Pick<PipelineContext, "route" | "refreshModels">,
): Route | Rejection | Promise<Route | Rejection> {
  const route = context.route(exchange, inspection, undefined);
  return "isRefreshNeeded" in route ? findRouteAnew(exchange, inspection, context) : route;
}

async function findRouteAnew(
  exchange: Exchange,
  inspection: Inspection,
  context: Pick<PipelineContext, "route" | "refreshModels">,
): Promise<Route | Rejection> {
  const refreshed = await context.refreshModels(exchange.request.signal);
  const second = context.route(exchange, inspection, refreshed);
  if ("isRefreshNeeded" in second) throw new OllaError("internal", "Routing asks for the models again");
  return second;
}

/** A request of which all is known but who will answer. */
interface RoutedRequest {
  readonly exchange: Exchange;
  readonly inspection: Inspection;
  readonly route: Route;
  /** Undefined for a request that every endpoint takes as it is. */
  readonly apiRequest: ApiRequest | undefined;
  readonly ledger: RequestLedger;
  readonly body: ReadBody;
}

/** Sends the request on and answers; never rejects. */
async function deliver(request: RoutedRequest, context: PipelineContext): Promise<Response> {
  const { exchange, inspection, route, apiRequest, ledger, body } = request;
  let sticky: StickyRequest | undefined;
  try {
    const candidates = apiRequest?.preferNative(route.candidates) ?? route.candidates;
    const own = apiRequest?.answerWithoutEndpoint(candidates);
    if (own !== undefined) return answerAlone(exchange, own, ledger, context);
    sticky = context.beginSticky(exchange, inspection);
    ledger.noteSticky(sticky);
    const encodeAttempt = context.encoder(exchange, inspection, apiRequest);
    const encode = (candidate: Candidate) => {
      const dispatch = encodeAttempt(candidate);
      exchange.trace?.mark(dispatch.request.headers);
      if (apiRequest?.api.isCommon === true)
        ledger.noteCommonApi(apiRequest.api.name, dispatch.translated !== undefined);
      else ledger.noteDispatch(dispatch.isNative);
      return dispatch;
    };
    const injection =
      (context.injectsUsage || exchange.needsUsage === true || context.countsTokensAt(candidates)) &&
      inspection.wantsStream &&
      (apiRequest === undefined || apiRequest.api.isCommon === true)
        ? new UsageInjection(exchange.upstreamPath)
        : undefined;
    const forwarded = await forward(
      {
        candidates,
        client: {
          signal: exchange.request.signal,
          receivedAt: exchange.receivedAt,
          cancellation: ledger.cancellation,
        },
        sender: senderOf(exchange),
        sticky,
        encode:
          injection === undefined ? encode : (candidate) => injection.addTo(encode(candidate), candidate),
        onNotNative: (endpointName) => apiRequest?.noteNotNative(endpointName),
        onAttempt: (candidate) => ledger.noteSent(candidate),
        onHeldBack: (candidate, reason) => ledger.noteHeldBack(candidate, reason),
        onFailedAttempt: (record) => ledger.noteAttempt(record),
      },
      context,
    );
    const hidesUsage = injection?.isHiddenIn(forwarded) === true;
    return await answer({ exchange, forwarded, ledger, context, hidesUsage });
  } catch (cause) {
    // It was sent to nobody yet, so it is as good as new.
    if (cause instanceof PlaceGone && ledger.attemptCount === 0)
      return await deliverElsewhere(request, context);
    return reject(exchange, cause, ledger, context);
  } finally {
    // A response head is here, or no attempt will follow: the body is not needed for replay any more.
    body.release();
    sticky?.release();
  }
}

/** Operators took away what the request waited for; what there is instead may have a place. */
async function deliverElsewhere(request: RoutedRequest, context: PipelineContext): Promise<Response> {
  const { exchange, inspection, ledger } = request;
  try {
    const route = await findRoute(exchange, inspection, context);
    ledger.noteDecision(route);
    if ("error" in route) throw route.error;
    return await deliver({ ...request, route }, context);
  } catch (cause) {
    return reject(exchange, cause, ledger, context);
  }
}

/** For a request that no endpoint has to be asked about. */
function answerAlone(
  exchange: Exchange,
  { contentType, body }: TranslatedAnswer,
  ledger: RequestLedger,
  context: PipelineContext,
): Response {
  const headers = new Headers(
    [...context.errorHeaders(exchange, ledger)].map(([name, value]) => [name, value]),
  );
  headers.set("Content-Type", contentType);
  exchange.releaseHold();
  ledger.close({ status: 200, ending: "complete", responseBytes: body.byteLength, isStream: false });
  return new Response(body, { headers });
}

/** The answer to a request that no endpoint has answered, and its record. */
export function reject(
  exchange: Exchange,
  cause: unknown,
  ledger: RequestLedger,
  context: Pick<PipelineContext, "errorHeaders" | "onInternalError">,
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
  if (error.code === "cancelled") return "cancelled";
  return ledger.endpointName === undefined ? "rejected" : "upstream-error";
}
