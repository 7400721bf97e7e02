import type { Balancer, Candidate, Candidates } from "../balancer/balancer.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { AttemptRecord } from "../observe/outcome.ts";
import { clientLeft, type UpstreamAnswer } from "../proxy/attempt.ts";
import type { UpstreamRequest } from "../proxy/engine.ts";
import { decideAfterFailure, demotesEndpoint } from "./failover-policy.ts";

/** What the loop needs of the world; built once. */
export interface ForwardContext {
  readonly balancer: Balancer;
  readonly clock: Clock;
  /** Counts a request at an endpoint until the returned function is called. */
  readonly acquireConnection: (endpointName: string) => () => void;
  readonly send: (
    candidate: Candidate,
    request: UpstreamRequest,
    clientSignal: AbortSignal,
  ) => Promise<UpstreamAnswer>;
  /** The endpoint answered with a response head. */
  readonly onContact: (endpointName: string) => void;
  /** The endpoint could not be reached by an attempt that began at `startedAt` (monotonic). */
  readonly onUnreachable: (endpointName: string, startedAt: number) => void;
}

export interface ForwardRequest {
  readonly candidates: Candidates;
  readonly clientSignal: AbortSignal;
  /** Builds the request for one candidate from what the client sent; called once per attempt. */
  readonly encode: (candidate: Candidate) => UpstreamRequest;
  /** Called for every failed attempt, in order. */
  readonly onFailedAttempt: (record: AttemptRecord, error: OllaError) => void;
}

export interface Forwarded {
  readonly candidate: Candidate;
  readonly answer: UpstreamAnswer;
  /** Ends the count of this request at the endpoint; called once, when the body has ended. */
  readonly releaseConnection: () => void;
}

/**
 * The failover loop: select, send, and on a failure that another endpoint may not share select again among the rest.
 * Resolves with the first response head, whatever its status. From then on there is no way back.
 * @throws OllaError that speaks for all attempts
 */
export async function forward(request: ForwardRequest, context: ForwardContext): Promise<Forwarded> {
  let remaining = request.candidates;
  let attempts = 0;
  for (;;) {
    if (request.clientSignal.aborted) throw clientLeft();
    const candidate = context.balancer.select(remaining);
    const endpointName = candidate.endpoint.name;
    const releaseConnection = context.acquireConnection(endpointName);
    const startedAt = context.clock.now();
    try {
      const answer = await context.send(candidate, request.encode(candidate), request.clientSignal);
      context.onContact(endpointName);
      return { candidate, answer, releaseConnection };
    } catch (cause) {
      releaseConnection();
      const error = asOllaError(cause);
      request.onFailedAttempt(
        {
          endpoint: endpointName,
          model: candidate.model,
          durationMs: context.clock.now() - startedAt,
          status: undefined,
          error: error.code,
        },
        error,
      );
      if (demotesEndpoint(error)) context.onUnreachable(endpointName, startedAt);
      attempts += 1;
      const rest = without(remaining, candidate);
      if (rest === undefined || decideAfterFailure(error) === "give-up") throw speakForAll(error, attempts);
      remaining = rest;
    }
  }
}

function asOllaError(cause: unknown): OllaError {
  if (cause instanceof OllaError) return cause;
  return new OllaError("internal", "Olla failed while sending the request", { cause });
}

function speakForAll(last: OllaError, attempts: number): OllaError {
  if (attempts === 1 || last.code === "client_abort") return last;
  return new OllaError(last.code, `All ${attempts} endpoints tried have failed. The last: ${last.message}`, {
    cause: last,
  });
}

function without(candidates: Candidates, failed: Candidate): Candidates | undefined {
  const [first, ...others] = candidates.filter((candidate) => candidate !== failed);
  return first === undefined ? undefined : [first, ...others];
}
