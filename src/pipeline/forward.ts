import type { Balancer, Candidate, Candidates } from "../balancer/balancer.ts";
import { placeOf, type StickyRequest } from "../balancer/sticky.ts";
import { firstChoices, lowestRanked } from "../balancer/traffic-share.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { AttemptRecord } from "../observe/outcome.ts";
import { type AttemptClient, clientLeft, type UpstreamAnswer } from "../proxy/attempt.ts";
import type { UpstreamRequest } from "../proxy/engine.ts";
import type { Sender } from "../proxy/fair-line.ts";
import { type Claim, isSome, type Traffic } from "../proxy/traffic.ts";
import { textOf } from "../translate/wire.ts";
import { type AnswerBody, cutAfterBeginning, type JudgedAnswer, judgeAnswer } from "./answer-judge.ts";
import { type ContextOf, roomierThan } from "./context-fit.ts";
import type { Dispatch } from "./encode-attempt.ts";
import { castsDoubt, demotesEndpoint, type FailoverPolicy } from "./failover-policy.ts";
import { saysNoSuchPath } from "./native-support.ts";
import { pause } from "./pause.ts";
import { verdictOfError } from "./verdict.ts";

/** Longest look at how an answer begins where no other endpoint could do better. */
const longestPeekMs = 10_000;

/** What the loop needs of the world; built once. */
export interface ForwardContext {
  readonly balancer: Balancer;
  readonly clock: Clock;
  readonly policy: FailoverPolicy;
  readonly traffic: Traffic;
  readonly contextOf: ContextOf;
  /** Silence after which something is written into a stream, in milliseconds; 0 = never. */
  readonly keepaliveMs: number;
  readonly send: (
    candidate: Candidate,
    request: UpstreamRequest,
    client: AttemptClient,
  ) => Promise<UpstreamAnswer>;
  /** The endpoint answered with a response head. */
  readonly onContact: (endpointName: string) => void;
  /** The endpoint could not be reached by an attempt that began at `startedAt` (monotonic). */
  readonly onUnreachable: (endpointName: string, startedAt: number) => void;
  /** The endpoint closed a connection instead of answering: somebody should look whether it is well. */
  readonly onDoubt: (endpointName: string) => void;
  /** The endpoint says that it does not have a model that it was thought to have: the one it was asked for. */
  readonly onModelMissing: (endpointName: string, model: string | undefined) => void;
}

export interface ForwardRequest {
  readonly candidates: Candidates;
  readonly client: AttemptClient;
  /** Whose turn it takes where requests wait. */
  readonly sender?: Sender;
  /** Undefined while sessions are not sticky. */
  readonly sticky: StickyRequest | undefined;
  /** Builds the request for one candidate from what the client sent; called once per attempt. */
  readonly encode: (candidate: Candidate) => Dispatch;
  /** The endpoint has nothing at the path where its kind answers: it is asked again, in another dialect. */
  readonly onNotNative: (endpointName: string) => void;
  /** Called for every failed attempt, in order. */
  readonly onFailedAttempt: (record: AttemptRecord, error: OllaError) => void;
}

/** The answer that goes to the client, with its place at the endpoint still taken. */
export interface Forwarded {
  readonly candidate: Candidate;
  readonly dispatch: Dispatch;
  readonly answer: UpstreamAnswer;
  readonly body: AnswerBody;
  /** Ended by whoever has seen the last of the body. */
  readonly claim: Claim;
  /** Attempts made, this one included. */
  readonly attempts: number;
  /** It counts as a failed attempt, and goes to the client only because no other endpoint did better. */
  readonly isFailure: boolean;
  /** Seconds that the client should wait, where every candidate has failed and one of them said so. */
  readonly retryAfterSeconds: number | undefined;
}

/** What the attempts so far have left behind. */
interface Progress {
  attempts: number;
  /** Candidates not tried in this round. */
  remaining: readonly Candidate[];
  /** The latest answer that an endpoint gave, kept for the case that nothing better comes. */
  lastAnswer: Forwarded | undefined;
  lastError: OllaError | undefined;
}

/**
 * The failover loop: take a place at a candidate, send, judge the answer, and go on to the next candidate while nothing
 * has reached the client. Resolves with the first answer worth relaying, else with the last one that an endpoint gave.
 * From then on there is no way back.
 * @throws OllaError that speaks for all attempts
 */
export async function forward(request: ForwardRequest, context: ForwardContext): Promise<Forwarded> {
  const progress: Progress = {
    attempts: 0,
    remaining: request.candidates,
    lastAnswer: undefined,
    lastError: undefined,
  };
  for (;;) {
    if (request.client.signal.aborted) throw clientLeft();
    const open = context.traffic.open(progress.remaining);
    if (!isSome(open)) return conclude(request, context, progress);
    const claim = await claimPlace(open, request, context, progress);
    if (claim === "none left") return conclude(request, context, progress);
    if (claim === undefined) continue;

    progress.attempts += 1;
    progress.remaining = progress.remaining.filter((candidate) => candidate !== claim.candidate);
    const next = await attemptOnce(claim, request, context, progress).catch((fault) => {
      // A fault of our own must not keep the place: nobody else knows of it.
      claim.end("neutral");
      throw fault;
    });
    if (next === "served") return serve(request, progress);
    if (next === "give-up") return conclude(request, context, progress);
    if (next === "at-once") continue;
    if (next === "start-over") progress.remaining = request.candidates;
    await pause(context.policy.backoffBefore(progress.attempts + 1), context.clock, request.client.signal);
  }
}

/** Who could not wait for another place any longer is better served with what an endpoint has said already. */
async function claimPlace(
  open: Candidates,
  request: ForwardRequest,
  context: ForwardContext,
  { lastAnswer }: Progress,
): Promise<Claim | "none left" | undefined> {
  const select = (free: Candidates) => choose(free, request, context);
  try {
    return await context.traffic.claim(open, select, request.client.signal, request.sender);
  } catch (cause) {
    const isQueueOver =
      cause instanceof OllaError && (cause.code === "queue_full" || cause.code === "queue_timeout");
    if (isQueueOver && lastAnswer !== undefined) return "none left";
    throw cause;
  }
}

/** Among the candidates with a place free: a later step of a chain is used when the earlier ones have none. */
function choose(free: Candidates, { sticky }: ForwardRequest, { balancer }: ForwardContext): Candidate {
  const select = (candidates: Candidates) => balancer.select(firstChoices(candidates));
  const preferred = lowestRanked(free);
  return sticky === undefined ? select(preferred) : sticky.choose(preferred, select);
}

/** "at-once": nothing has failed, so there is nothing to wait for. */
type Next = "served" | "next-candidate" | "at-once" | "start-over" | "give-up";

async function attemptOnce(
  claim: Claim,
  request: ForwardRequest,
  context: ForwardContext,
  progress: Progress,
): Promise<Next> {
  const { candidate } = claim;
  const endpointName = candidate.endpoint.name;
  const { clock, policy } = context;
  const startedAt = clock.now();
  const dispatch = encodeFor(claim, request, progress);
  if (dispatch === undefined) return "at-once";
  const fail = (error: OllaError, status?: number) => {
    progress.lastError = error;
    const record = {
      endpoint: endpointName,
      model: candidate.model,
      durationMs: clock.now() - startedAt,
      status,
      error: error.code,
    };
    request.onFailedAttempt(record, error);
  };

  let judged: JudgedAnswer;
  let answer: UpstreamAnswer | undefined;
  try {
    answer = await context.send(candidate, dispatch.request, request.client);
    context.onContact(endpointName);
    judged = await judgeAnswer(answer, {
      clock,
      policy,
      dispatch,
      peekMs: context.keepaliveMs > 0 ? context.keepaliveMs : longestPeekMs,
      mayFailOver: policy.mayGoOn(progress.attempts, progress.remaining.length),
      mayOutgrow: candidate.endpoint.isCloud !== true && progress.remaining.some(isCloud),
    });
  } catch (cause) {
    const error = asOllaError(cause);
    answer?.abort(error);
    answer?.detach();
    claim.end(verdictOfError(error));
    if (demotesEndpoint(error)) {
      context.onUnreachable(endpointName, startedAt);
      // Nobody is there, whatever the model.
      progress.remaining = progress.remaining.filter(({ endpoint }) => endpoint.name !== endpointName);
    }
    if (castsDoubt(error)) context.onDoubt(endpointName);
    fail(error);
    return error.code === "client_abort"
      ? "give-up"
      : policy.afterError(error, progress.attempts, progress.remaining.length);
  }

  const { attempts, remaining } = progress;
  const { status } = answer.response;
  if (dispatch.mayLackPath && isWithoutPath(judged, status)) {
    answer.abort(new OllaError("upstream_failed", "The answer is not needed any more"));
    answer.detach();
    claim.end("neutral");
    request.onNotNative(endpointName);
    // Not an attempt: the endpoint has not seen the request in a dialect that it knows.
    progress.attempts -= 1;
    progress.remaining = [candidate, ...remaining];
    return "at-once";
  }
  const roomier =
    judged.kind === "served"
      ? roomierThan({ status, body: judged.body }, candidate, remaining, context.contextOf)
      : [];
  if (judged.kind === "served" && roomier.length > 0 && policy.mayGoOn(attempts, roomier.length)) {
    answer.abort(new OllaError("upstream_failed", "The answer is not needed any more"));
    answer.detach();
    claim.end("neutral");
    const body = cutAfterBeginning(judged.body);
    const kept = { candidate, dispatch, answer, body, claim, attempts };
    progress.lastAnswer = { ...kept, isFailure: true, retryAfterSeconds: undefined };
    progress.remaining = roomier;
    fail(new OllaError("upstream_status", `The request is too long for endpoint "${endpointName}"`), status);
    return "next-candidate";
  }
  if (judged.kind === "served") {
    if (answer.response.ok) claim.noteAnswered();
    const isFailure = policy.isFailedStatus(status);
    if (isFailure) {
      // No other endpoint is left to do better, so the refusal is the answer; it counts all the same.
      context.traffic.noteFailedAnswer(candidate, answer.response);
      fail(new OllaError("upstream_status", `Endpoint "${endpointName}" answered ${status}`), status);
    }
    const retryAfterSeconds = isFailure ? retryAfter(request, context) : undefined;
    progress.lastAnswer = {
      candidate,
      dispatch,
      answer,
      body: judged.body,
      claim,
      attempts,
      isFailure,
      retryAfterSeconds,
    };
    return "served";
  }
  claim.end(judged.verdict);
  context.traffic.noteFailedAnswer(candidate, answer.response);
  if (judged.isModelMissing) context.onModelMissing(endpointName, candidate.model);
  const { error, body } = judged;
  if (body !== undefined) {
    const retryAfterSeconds = undefined;
    progress.lastAnswer = {
      candidate,
      dispatch,
      answer,
      body,
      claim,
      attempts,
      isFailure: true,
      retryAfterSeconds,
    };
  }
  fail(error, status);
  if (judged.isModelMissing) return policy.afterModelMissing(attempts, remaining.length);
  return policy.afterError(error, attempts, remaining.length);
}

/** Undefined for a candidate whose dialect cannot say what the client wants. It may be fine for another one. */
function encodeFor(claim: Claim, { encode }: ForwardRequest, progress: Progress): Dispatch | undefined {
  try {
    return encode(claim.candidate);
  } catch (cause) {
    if (!(cause instanceof OllaError) || cause.culprit !== "client") throw cause;
    claim.end("neutral");
    progress.attempts -= 1;
    progress.lastError ??= cause;
    return undefined;
  }
}

function isCloud({ endpoint }: Candidate): boolean {
  return endpoint.isCloud === true;
}

function isWithoutPath(judged: JudgedAnswer, status: number): boolean {
  if (judged.kind === "failed" && judged.isModelMissing) return false;
  const { body } = judged;
  return saysNoSuchPath(status, body?.kind === "whole" ? textOf(body.bytes) : "");
}

function serve({ sticky }: ForwardRequest, { lastAnswer }: Progress): Forwarded {
  if (lastAnswer === undefined) throw new OllaError("internal", "An answer was lost on its way");
  if (lastAnswer.answer.response.ok) sticky?.commit(placeOf(lastAnswer.candidate));
  return lastAnswer;
}

/** Nothing better will come: the last real answer speaks for all, else the last error, else what keeps everybody out. */
function conclude(request: ForwardRequest, context: ForwardContext, progress: Progress): Forwarded {
  const { attempts, lastAnswer, lastError } = progress;
  if (lastError?.code === "client_abort") throw lastError;
  if (lastAnswer !== undefined) {
    return { ...lastAnswer, attempts, retryAfterSeconds: retryAfter(request, context) };
  }
  if (lastError === undefined) throw context.traffic.explainClosed(request.candidates);
  const retryAfterSeconds = retryAfter(request, context);
  if (attempts <= 1 && (retryAfterSeconds === undefined || lastError.culprit === "client")) throw lastError;
  const message =
    attempts <= 1
      ? lastError.message
      : `All ${attempts} attempts have failed. The last: ${lastError.message}`;
  throw new OllaError(lastError.code, message, {
    // Of an own fault the cause is what is logged.
    cause: lastError.code === "internal" ? lastError.cause : lastError,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

/** The soonest that any candidate asked to be tried again. */
function retryAfter({ candidates }: ForwardRequest, { traffic }: ForwardContext): number | undefined {
  const waitMs = traffic.smallestWaitMs(candidates);
  return waitMs > 0 ? Math.ceil(waitMs / 1000) : undefined;
}

function asOllaError(cause: unknown): OllaError {
  if (cause instanceof OllaError) return cause;
  return new OllaError("internal", "Olla failed while sending the request", { cause });
}
