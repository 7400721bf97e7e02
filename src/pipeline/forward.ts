import type { Candidate, Candidates } from "../balancer/balancer.ts";
import { isSome } from "../balancer/candidate-lists.ts";
import { placeOf } from "../balancer/sticky.ts";
import { firstChoices, lowestRanked } from "../balancer/traffic-share.ts";
import { OllaError } from "../errors.ts";
import { clientLeft } from "../proxy/attempt.ts";
import type { Claim } from "../proxy/traffic.ts";
import { attemptOnce, type Next } from "./attempt-once.ts";
import { type ForwardContext, type Forwarded, type ForwardRequest, retryAfter } from "./forwarding.ts";
import { pause } from "./pause.ts";
import { Progress } from "./progress.ts";

/**
 * The failover loop: take a place at a candidate, send, judge the answer, and go on to the next candidate while nothing
 * has reached the client. Resolves with the first answer worth relaying, else with the last one that an endpoint gave.
 * From then on there is no way back.
 * @throws OllaError that speaks for all attempts
 */
export async function forward(request: ForwardRequest, context: ForwardContext): Promise<Forwarded> {
  const progress = new Progress(request.candidates);
  for (;;) {
    if (request.client.signal.aborted) throw clientLeft();
    request.client.cancellation?.throwIfCancelled();
    const open = context.traffic.open(progress.remaining);
    if (open.length < progress.remaining.length) noteHeldBack(progress.remaining, open, request, context);
    if (!isSome(open)) return conclude(request, context, progress);
    const claimed = claimPlace(open, request, context, progress);
    const claim = claimed instanceof Promise ? await claimed : claimed;
    if (claim === "none left") return conclude(request, context, progress);
    if (claim === undefined) continue;

    progress.attempts += 1;
    progress.take(claim.candidate);
    let next: Next;
    try {
      next = await attemptOnce(claim, request, context, progress);
    } catch (fault) {
      // A fault of our own must not keep the place: nobody else knows of it.
      claim.end("neutral");
      throw fault;
    }
    if (next === "served") return serve(request, progress);
    if (next === "give-up") return conclude(request, context, progress);
    if (next === "at-once") continue;
    if (next === "start-over") progress.remaining = request.candidates;
    await pause(context.policy.backoffBefore(progress.attempts + 1), context.clock, request.client.signal);
  }
}

/** Who could not wait for another place any longer is better served with what an endpoint has said already. */
function claimPlace(
  open: Candidates,
  request: ForwardRequest,
  context: ForwardContext,
  { lastAnswer }: Progress,
): Claim | undefined | Promise<Claim | "none left" | undefined> {
  const select = (free: Candidates) => choose(free, request, context);
  const claimed = context.traffic.claim(open, select, request.client, request.sender);
  if (!(claimed instanceof Promise)) return claimed;
  return claimed.catch((cause) => {
    const isQueueOver =
      cause instanceof OllaError && (cause.code === "queue_full" || cause.code === "queue_timeout");
    if (isQueueOver && lastAnswer !== undefined) return "none left";
    throw cause;
  });
}

function noteHeldBack(
  candidates: readonly Candidate[],
  open: readonly Candidate[],
  { onHeldBack }: ForwardRequest,
  { traffic }: ForwardContext,
): void {
  for (const candidate of candidates) {
    const reason = open.includes(candidate) ? undefined : traffic.heldBackBy(candidate);
    if (reason !== undefined) onHeldBack(candidate, reason);
  }
}

/** Among the candidates with a place free: a later step of a chain is used when the earlier ones have none. */
function choose(free: Candidates, { sticky }: ForwardRequest, { balancer }: ForwardContext): Candidate {
  const select = (candidates: Candidates) => balancer.select(firstChoices(candidates));
  const preferred = lowestRanked(free);
  return sticky === undefined ? select(preferred) : sticky.choose(preferred, select);
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
