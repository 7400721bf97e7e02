import type { Balancer, Candidate, Candidates } from "../balancer/balancer.ts";
import type { StickyRequest } from "../balancer/sticky.ts";
import type { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { AttemptRecord, HeldBack } from "../observe/outcome.ts";
import type { AttemptClient, UpstreamAnswer } from "../proxy/attempt.ts";
import type { UpstreamRequest } from "../proxy/engine.ts";
import type { Sender } from "../proxy/fair-line.ts";
import type { Claim, Traffic } from "../proxy/traffic.ts";
import type { AnswerBody } from "./answer-body.ts";
import type { ContextOf } from "./context-fit.ts";
import type { Dispatch } from "./encode-attempt.ts";
import type { FailoverPolicy } from "./failover-policy.ts";

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
  /** A place was given, and the request goes out to this candidate. */
  readonly onAttempt: (candidate: Candidate) => void;
  /** The candidate's turn had come, and something keeps requests from it. */
  readonly onHeldBack: (candidate: Candidate, reason: HeldBack["reason"]) => void;
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

/** The soonest that any candidate asked to be tried again. */
export function retryAfter({ candidates }: ForwardRequest, { traffic }: ForwardContext): number | undefined {
  const waitMs = traffic.smallestWaitMs(candidates);
  return waitMs > 0 ? Math.ceil(waitMs / 1000) : undefined;
}
