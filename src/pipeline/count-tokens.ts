import type { Candidate } from "../balancer/balancer.ts";
import { isSome } from "../balancer/candidate-lists.ts";
import { lowestRanked } from "../balancer/traffic-share.ts";
import { anthropicVersion } from "../endpoints/question-headers.ts";
import { OllaError } from "../errors.ts";
import { isObject, type JsonObject, parseJson } from "../lib/json.ts";
import { clientLeft, type UpstreamAnswer } from "../proxy/attempt.ts";
import type { UpstreamRequest } from "../proxy/engine.ts";
import { toHeaderValue } from "../proxy/header-value.ts";
import type { BuildUpstreamRequest } from "../proxy/upstream-request.ts";
import { readWholeBody } from "../proxy/whole-body.ts";
import {
  type CountQuestion,
  type CountSource,
  nativeCountQuestion,
  parseCountRequest,
  tokenizerQuestion,
} from "../translate/anthropic/count-tokens.ts";
import { estimateInputTokens } from "../translate/anthropic/estimate-tokens.ts";
import { textOf, toJsonBytes } from "../translate/wire.ts";
import type { Exchange } from "./exchange.ts";
import type { ForwardContext } from "./forwarding.ts";
import { type Inspection, inspectRequest } from "./inspect.ts";
import { RequestLedger } from "./ledger.ts";
import { findRoute, type Pipeline, type PipelineContext, reject } from "./pipeline.ts";
import type { ReadBody } from "./read-body.ts";

type Stages = Pick<
  PipelineContext,
  "clock" | "readBody" | "route" | "refreshModels" | "traffic" | "errorHeaders" | "onInternalError" | "record"
>;

export interface TokenCounterContext extends Stages {
  /** Whether endpoints that count tokens themselves are asked to. */
  readonly isPassthroughOn: boolean;
  /** Milliseconds that asking may take; after that the estimate has to do. */
  readonly askTimeoutMs: number;
  readonly send: ForwardContext["send"];
  /** Prepares what goes to an endpoint, with the client's headers, and without a body. */
  readonly builder: (exchange: Exchange, inspection: Inspection) => BuildUpstreamRequest;
}

interface Counted {
  readonly tokens: number;
  readonly source: CountSource;
  /** Undefined for an estimate. */
  readonly candidate: Candidate | undefined;
}

/**
 * Answers `count_tokens`: asks an endpoint that has the model and a tokenizer, and estimates where there is none, or
 * none that answers in time. A question like this is no request: it takes no place at the endpoint and counts for no breaker.
 */
export function createTokenCounter(context: TokenCounterContext): Pipeline {
  return { handle: (exchange) => countTokens(exchange, context) };
}

async function countTokens(exchange: Exchange, context: TokenCounterContext): Promise<Response> {
  const ledger = new RequestLedger(exchange, context);
  let read: ReadBody | undefined;
  try {
    read = await context.readBody(exchange);
    ledger.noteBody();
    exchange.holdOpen();
    const inspection = inspectRequest(exchange, read, false);
    ledger.noteRequest(inspection, read.bytes?.byteLength ?? 0);
    const body = parseCountRequest(inspection.body);
    const counted = (await askEndpoint({ exchange, inspection, body, ledger }, context)) ?? {
      tokens: estimateInputTokens(body),
      source: "estimate",
      candidate: undefined,
    };
    return render(counted, exchange, ledger, context);
  } catch (cause) {
    return reject(exchange, cause, ledger, context);
  } finally {
    read?.release();
  }
}

interface CountedRequest {
  readonly exchange: Exchange;
  readonly inspection: Inspection;
  readonly body: JsonObject;
  readonly ledger: RequestLedger;
}

/** Undefined where nobody can say, whatever the reason. @throws OllaError `client_abort` */
async function askEndpoint(
  { exchange, inspection, body, ledger }: CountedRequest,
  context: TokenCounterContext,
): Promise<Counted | undefined> {
  if (inspection.model === undefined) return undefined;
  const route = await findRoute(exchange, inspection, context);
  ledger.noteDecision(route);
  if ("error" in route) return undefined;
  const open = context.traffic.open(route.candidates);
  if (!isSome(open)) return undefined;
  const { clock, askTimeoutMs } = context;
  const deadline = clock.now() + askTimeoutMs;
  let build: BuildUpstreamRequest | undefined;
  let asked = 0;
  for (const chosen of questionsFor(lowestRanked(open), body, context)) {
    asked += 1;
    const leftMs = deadline - clock.now();
    if (asked > maxQuestions || leftMs <= 0) break;
    build ??= context.builder(exchange, inspection);
    const question = { ...chosen, request: buildQuestion(chosen, build), timeoutMs: leftMs };
    exchange.trace?.markQuestion(question.request.headers);
    const tokens = await ask(question, exchange, context);
    if (tokens !== undefined) return { tokens, source: chosen.question.source, candidate: chosen.candidate };
  }
  return undefined;
}

/** Older servers of a kind have a tokenizer and do not count by themselves. */
const maxQuestions = 2;

interface Chosen {
  readonly candidate: Candidate;
  readonly question: CountQuestion;
}

/** Its own count first, for that includes what the model's template adds. */
function* questionsFor(
  candidates: readonly Candidate[],
  body: JsonObject,
  { isPassthroughOn }: TokenCounterContext,
): Generator<Chosen> {
  const ways = isPassthroughOn ? [nativeCountQuestion, tokenizerQuestion] : [tokenizerQuestion];
  for (const way of ways) {
    for (const candidate of candidates) {
      const { profile } = candidate.endpoint;
      const question = way({ body, model: candidate.bodyModel ?? candidate.model ?? "", profile });
      if (question !== undefined) yield { candidate, question };
    }
  }
}

function buildQuestion({ candidate, question }: Chosen, build: BuildUpstreamRequest): UpstreamRequest {
  const request = build(candidate.endpoint, question.path);
  const headers = new Headers(request.headers);
  headers.delete("content-encoding");
  if (question.source === "native" && !headers.has("anthropic-version")) {
    headers.set("anthropic-version", anthropicVersion);
  }
  if (question.source !== "native") {
    for (const name of [...headers.keys()]) if (name.startsWith("anthropic-")) headers.delete(name);
  }
  headers.set("content-type", "application/json");
  headers.set("accept", "application/json");
  headers.set("accept-encoding", "identity");
  headers.set("x-model", toHeaderValue(candidate.bodyModel ?? candidate.model ?? ""));
  return { ...request, headers, body: toJsonBytes(question.body) };
}

interface TimedQuestion extends Chosen {
  readonly request: UpstreamRequest;
  readonly timeoutMs: number;
}

/** Undefined where the endpoint does not say, or not in time. @throws OllaError `client_abort` */
async function ask(
  { candidate, question, request, timeoutMs }: TimedQuestion,
  { request: { signal: clientSignal }, receivedAt }: Exchange,
  { clock, send }: TokenCounterContext,
): Promise<number | undefined> {
  const controller = new AbortController();
  let answer: UpstreamAnswer | undefined;
  const stop = () => {
    const late = new OllaError("header_timeout", "Nobody waits for the number of tokens any more");
    controller.abort(late);
    answer?.abort(late);
  };
  const cancelTimer = clock.after(timeoutMs, stop);
  clientSignal.addEventListener("abort", stop, { once: true });
  try {
    answer = await send(candidate, request, { signal: controller.signal, receivedAt });
    const bytes = await readWholeBody(answer, { clock, firstByteMs: 0, silenceMs: 0 });
    const parsed = answer.response.ok ? parseJson(textOf(bytes)) : undefined;
    return isObject(parsed) ? question.read(parsed) : undefined;
  } catch (error) {
    if (clientSignal.aborted) throw clientLeft();
    if (error instanceof OllaError) return undefined;
    throw error;
  } finally {
    cancelTimer();
    clientSignal.removeEventListener("abort", stop);
  }
}

function render(
  { tokens, source, candidate }: Counted,
  exchange: Exchange,
  ledger: RequestLedger,
  context: TokenCounterContext,
): Response {
  const body = toJsonBytes({ input_tokens: tokens });
  const headers = new Headers();
  for (const [name, value] of context.errorHeaders(exchange, ledger)) headers.set(name, value);
  if (candidate !== undefined) {
    const { name, profile } = candidate.endpoint;
    headers.set("x-olla-endpoint", toHeaderValue(name));
    headers.set("x-olla-backend-type", toHeaderValue(profile.name));
    if (candidate.model !== undefined) headers.set("x-olla-model", toHeaderValue(candidate.model));
  }
  headers.set("content-type", "application/json");
  headers.set("content-length", String(body.byteLength));
  headers.set("request-id", exchange.requestId);
  headers.set("x-olla-token-count", source);
  exchange.releaseHold();
  ledger.close({ status: 200, ending: "complete", responseBytes: body.byteLength, isStream: false });
  return new Response(body, { headers });
}
