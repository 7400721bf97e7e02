import type { Candidate, Candidates } from "../balancer/balancer.ts";
import { oncePerList } from "../balancer/candidate-lists.ts";
import { OllaError } from "../errors.ts";
import type { UpstreamAnswer } from "../proxy/attempt.ts";
import type { Claim } from "../proxy/traffic.ts";
import { textOf } from "../translate/wire.ts";
import type { AnswerBody } from "./answer-body.ts";
import { cutAfterBeginning, type JudgedAnswer, judgeAnswer } from "./answer-judge.ts";
import { roomierThan } from "./context-fit.ts";
import type { Dispatch } from "./encode-attempt.ts";
import { castsDoubt, demotesEndpoint } from "./failover-policy.ts";
import { type ForwardContext, type Forwarded, type ForwardRequest, retryAfter } from "./forwarding.ts";
import { saysNoSuchPath } from "./native-support.ts";
import type { Progress } from "./progress.ts";
import { verdictOfError } from "./verdict.ts";

/** Longest look at how an answer begins where no other endpoint could do better. */
const longestPeekMs = 10_000;

/** "at-once": nothing has failed, so there is nothing to wait for. */
export type Next = "served" | "next-candidate" | "at-once" | "start-over" | "give-up";

/** One attempt while it is made. */
interface Attempt {
  readonly claim: Claim;
  readonly dispatch: Dispatch;
  readonly startedAt: number;
  readonly request: ForwardRequest;
  readonly context: ForwardContext;
  readonly progress: Progress;
}

/** One that was answered. */
interface Answered extends Attempt {
  readonly answer: UpstreamAnswer;
}

type Served = Extract<JudgedAnswer, { kind: "served" }>;
type Refused = Extract<JudgedAnswer, { kind: "failed" }>;

/** Sends the request to the candidate that has given a place, judges the answer, and says how it goes on. */
export async function attemptOnce(
  claim: Claim,
  request: ForwardRequest,
  context: ForwardContext,
  progress: Progress,
): Promise<Next> {
  const startedAt = context.clock.now();
  const dispatch = encodeFor(claim, request, progress);
  if (dispatch === undefined) return "at-once";
  const attempt: Attempt = { claim, dispatch, startedAt, request, context, progress };
  request.onAttempt(claim.candidate);
  let answered: Answered | undefined;
  let judged: JudgedAnswer;
  try {
    const answer = await context.send(claim.candidate, dispatch.request, request.client);
    answered = { claim, dispatch, startedAt, request, context, progress, answer };
    context.onContact(claim.candidate.endpoint.name);
    const judging = judge(answered);
    judged = judging instanceof Promise ? await judging : judging;
  } catch (cause) {
    return endBroken(attempt, answered?.answer, asOllaError(cause));
  }
  const { status } = answered.answer.response;
  if (dispatch.mayLackPath && isWithoutPath(judged, status)) return askOtherwise(answered);
  if (judged.kind === "failed") return endRefused(answered, judged);
  return leaveForRoomier(answered, judged) ?? endServed(answered, judged);
}

function judge({
  answer,
  claim,
  dispatch,
  context,
  progress,
}: Answered): JudgedAnswer | Promise<JudgedAnswer> {
  const { clock, policy, keepaliveMs } = context;
  const { attempts, remainingCount } = progress;
  return judgeAnswer(answer, {
    clock,
    policy,
    dispatch,
    peekMs: keepaliveMs > 0 ? keepaliveMs : longestPeekMs,
    mayFailOver: policy.mayGoOn(attempts, remainingCount),
    mayOutgrow: () => !isCloud(claim.candidate) && progress.remaining.some(isCloud),
  });
}

/** No answer came, or it broke off before anything of it was worth relaying. */
function endBroken(attempt: Attempt, answer: UpstreamAnswer | undefined, error: OllaError): Next {
  const { claim, startedAt, context, progress } = attempt;
  const { name } = claim.candidate.endpoint;
  answer?.abort(error);
  answer?.detach();
  claim.end(verdictOfError(error));
  if (demotesEndpoint(error)) {
    context.onUnreachable(name, startedAt);
    // Nobody is there, whatever the model.
    progress.remaining = progress.remaining.filter(({ endpoint }) => endpoint.name !== name);
  }
  if (castsDoubt(error)) context.onDoubt(name);
  noteFailure(attempt, error);
  if (error.code === "client_abort") return "give-up";
  return context.policy.afterError(error, progress.attempts, progress.remainingCount);
}

/** Not an attempt: the endpoint has not seen the request in a dialect that it knows. */
function askOtherwise({ claim, answer, request, progress }: Answered): Next {
  dropAnswer(claim, answer);
  request.onNotNative(claim.candidate.endpoint.name);
  progress.attempts -= 1;
  progress.remaining = [claim.candidate, ...progress.remaining];
  return "at-once";
}

function endRefused(answered: Answered, { error, body, verdict, isModelMissing }: Refused): Next {
  const { claim, answer, context, progress } = answered;
  const { candidate } = claim;
  const { policy } = context;
  const { attempts, remainingCount } = progress;
  claim.end(verdict);
  context.traffic.noteFailedAnswer(candidate, answer.response);
  if (isModelMissing) context.onModelMissing(candidate.endpoint.name, candidate.model);
  if (body !== undefined) keepAnswer(answered, body, { isFailure: true, retryAfterSeconds: undefined });
  noteFailure(answered, error, answer.response.status);
  return isModelMissing
    ? policy.afterModelMissing(attempts, remainingCount)
    : policy.afterError(error, attempts, remainingCount);
}

/** Undefined unless the request is too long for this endpoint and another one may take it. */
function leaveForRoomier(answered: Answered, { body }: Served): Next | undefined {
  const { claim, answer, request, context, progress } = answered;
  if (!hasCloud(request.candidates)) return undefined;
  const { candidate } = claim;
  const { status } = answer.response;
  const roomier = roomierThan({ status, body }, candidate, progress.remaining, context.contextOf);
  if (roomier.length === 0 || !context.policy.mayGoOn(progress.attempts, roomier.length)) return undefined;
  dropAnswer(claim, answer);
  keepAnswer(answered, cutAfterBeginning(body), { isFailure: true, retryAfterSeconds: undefined });
  progress.remaining = roomier;
  const message = `The request is too long for endpoint "${candidate.endpoint.name}"`;
  noteFailure(answered, new OllaError("upstream_status", message), status);
  return "next-candidate";
}

function endServed(answered: Answered, { body }: Served): Next {
  const { claim, answer, request, context } = answered;
  const { ok, status } = answer.response;
  if (ok) claim.noteAnswered();
  const isFailure = context.policy.isFailedStatus(status);
  if (isFailure) {
    // No other endpoint is left to do better, so the refusal is the answer; it counts all the same.
    context.traffic.noteFailedAnswer(claim.candidate, answer.response);
    const message = `Endpoint "${claim.candidate.endpoint.name}" answered ${status}`;
    noteFailure(answered, new OllaError("upstream_status", message), status);
  }
  const retryAfterSeconds = isFailure ? retryAfter(request, context) : undefined;
  keepAnswer(answered, body, { isFailure, retryAfterSeconds });
  return "served";
}

/** For the client, if nothing better comes. */
function keepAnswer(
  { claim, dispatch, answer, progress }: Answered,
  body: AnswerBody,
  standing: Pick<Forwarded, "isFailure" | "retryAfterSeconds">,
): void {
  const { candidate } = claim;
  progress.lastAnswer = {
    candidate,
    dispatch,
    answer,
    body,
    claim,
    attempts: progress.attempts,
    isFailure: standing.isFailure,
    retryAfterSeconds: standing.retryAfterSeconds,
  };
}

function noteFailure(
  { claim, startedAt, request, context, progress }: Attempt,
  error: OllaError,
  status?: number,
) {
  const { endpoint, model } = claim.candidate;
  progress.lastError = error;
  request.onFailedAttempt(
    {
      endpoint: endpoint.name,
      model,
      durationMs: context.clock.now() - startedAt,
      status,
      error: error.code,
      startedMs: startedAt - request.client.receivedAt,
      queuedMs: claim.queuedMs,
      message: error.message,
    },
    error,
  );
}

function dropAnswer(claim: Claim, answer: UpstreamAnswer): void {
  answer.abort(new OllaError("upstream_failed", "The answer is not needed any more"));
  answer.detach();
  claim.end("neutral");
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

const hasCloud = oncePerList((candidates: Candidates) => candidates.some(isCloud));

function isCloud({ endpoint }: Candidate): boolean {
  return endpoint.isCloud === true;
}

function isWithoutPath(judged: JudgedAnswer, status: number): boolean {
  if (judged.kind === "failed" && judged.isModelMissing) return false;
  const { body } = judged;
  return saysNoSuchPath(status, body?.kind === "whole" ? textOf(body.bytes) : "");
}

function asOllaError(cause: unknown): OllaError {
  if (cause instanceof OllaError) return cause;
  return new OllaError("internal", "Olla failed while sending the request", { cause });
}
