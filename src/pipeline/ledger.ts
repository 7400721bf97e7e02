import type { Candidate } from "../balancer/balancer.ts";
import type { StickyRequest } from "../balancer/sticky.ts";
import { modelAskedFor } from "../balancer/warm-first.ts";
import type { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { LivePhase, LiveRequest, LiveRequests } from "../observe/live-requests.ts";
import type {
  AttemptRecord,
  ClientApiOutcome,
  HeldBack,
  Milestones,
  Outcome,
  RoutingDecision,
} from "../observe/outcome.ts";
import { redactQuery } from "../observe/redact-query.ts";
import type { RequestTrace } from "../observe/tracing/request-trace.ts";
import type { ProviderMetrics } from "../observe/usage.ts";
import { Cancellation } from "../proxy/cancellation.ts";
import type { Ending } from "../proxy/ending.ts";
import type { ClientApiName } from "../translate/client-api.ts";
import type { Exchange } from "./exchange.ts";
import type { Forwarded } from "./forwarding.ts";
import type { Inspection } from "./inspect.ts";
import type { Route } from "./route.ts";

/** How a request ended, as its last stage knows it. */
export interface LedgerClosing {
  readonly status: number;
  readonly ending: Ending;
  readonly responseBytes: number;
  readonly isStream: boolean;
  /** Pieces of a streamed body handed to the client. */
  readonly writes?: number;
  /** Monotonic time of the first of them. */
  readonly firstSentAt?: number | undefined;
  readonly error?: OllaError | undefined;
  readonly usage?: ProviderMetrics | undefined;
}

export interface LedgerContext {
  readonly clock: Clock;
  readonly record: (outcome: Outcome) => void;
  /** Where operators see what is under way, and can end it; absent for what takes no time. */
  readonly live?: LiveRequests | undefined;
}

/**
 * Collects what is to be remembered of one request while it passes the stages, and hands it over exactly once.
 * Written by the stages; before the end only operators who look at the requests under way read it.
 */
export class RequestLedger implements LiveRequest {
  readonly #exchange: Exchange;
  readonly #context: LedgerContext;
  readonly #liveSlot: number | undefined;
  /** By which an operator ends the request. */
  readonly cancellation = new Cancellation();
  readonly #attempts: AttemptRecord[] = [];
  #isClosed = false;
  #model: string | undefined;
  #wantsStream = false;
  #sticky: StickyRequest | undefined;
  #requestBytes = 0;
  #decision: RoutingDecision | undefined;
  #answered: Forwarded | undefined;
  #clientApi: Omit<ClientApiOutcome, "wantsStream"> | undefined;
  #phase: LivePhase = "receiving";
  /** Whom the attempt under way is made at. */
  #asked: Candidate | undefined;
  #bodyAt: number | undefined;
  #inspectedAt = 0;
  #routedAt: number | undefined;
  #considered: Outcome["considered"];
  #heldBack: HeldBack[] | undefined;

  constructor(exchange: Exchange, context: LedgerContext) {
    this.#exchange = exchange;
    this.#context = context;
    this.#liveSlot = context.live?.add(this);
  }

  /** The whole body is here. */
  noteBody(): void {
    this.#bodyAt = this.#context.clock.now();
    this.#phase = "routing";
  }

  noteRequest({ model, wantsStream }: Inspection, requestBytes: number): void {
    this.#model = model;
    this.#wantsStream = wantsStream;
    this.#requestBytes = requestBytes;
    this.#inspectedAt = this.#context.clock.now();
  }

  /** The request is in an API that not every endpoint knows. */
  noteClientApi(name: ClientApiName): void {
    this.#clientApi = { name, mode: "translation", fallback: undefined };
  }

  /** Who may answer has been decided. */
  noteRouted(isRejected: boolean): void {
    if (this.#clientApi === undefined) return;
    const fallback = isRejected ? "no_compatible_endpoints" : "cannot_passthrough";
    this.#clientApi = { ...this.#clientApi, fallback };
  }

  /** An attempt is made, at the endpoint's own place for the client's API or in another dialect. */
  noteDispatch(isNative: boolean): void {
    if (this.#clientApi === undefined) return;
    const { name } = this.#clientApi;
    this.#clientApi = isNative
      ? { name, mode: "passthrough", fallback: undefined }
      : { name, mode: "translation", fallback: "cannot_passthrough" };
  }

  /** An attempt is made in an API that nearly every endpoint knows: worth a word only where it needs a translation. */
  noteCommonApi(name: ClientApiName, isTranslated: boolean): void {
    this.#clientApi = isTranslated
      ? { name, mode: "translation", fallback: "cannot_passthrough" }
      : undefined;
  }

  noteSticky(sticky: StickyRequest | undefined): void {
    this.#sticky = sticky;
  }

  noteDecision({ decision, considered }: Pick<Route, "decision" | "considered">): void {
    this.#decision = decision;
    this.#considered = considered;
    this.#routedAt = this.#context.clock.now();
    this.#phase = "queued";
  }

  noteHeldBack({ endpoint, model }: Candidate, reason: HeldBack["reason"]): void {
    this.#heldBack ??= [];
    const atMs = this.#context.clock.now() - this.#exchange.receivedAt;
    this.#heldBack.push({ endpoint: endpoint.name, model, reason, atMs });
  }

  /** A place was given, and the request goes out. */
  noteSent(candidate: Candidate): void {
    this.#asked = candidate;
    this.#phase = "waiting";
  }

  noteAttempt(attempt: AttemptRecord): void {
    this.#attempts.push(withSpan(attempt, this.#exchange.trace));
    this.#asked = undefined;
    this.#phase = "queued";
  }

  /** The answer that goes to the client. Its attempt is complete only when the body has ended. */
  noteAnswer(answered: Forwarded): void {
    this.#answered = answered;
    this.#phase = "streaming";
  }

  get requestId(): string {
    return this.#exchange.requestId;
  }

  get receivedAt(): number {
    return this.#exchange.receivedAt;
  }

  get method(): string {
    return this.#exchange.request.method;
  }

  get path(): string {
    return this.#exchange.path;
  }

  get clientAddress(): string {
    return this.#exchange.clientAddress;
  }

  get clientKeyName(): string | undefined {
    return this.#exchange.clientKey?.name;
  }

  get phase(): LivePhase {
    return this.#phase;
  }

  /** The endpoint that is being asked, or answers. */
  get busyEndpointName(): string | undefined {
    return (this.#answered?.candidate ?? this.#asked)?.endpoint.name;
  }

  cancel(): void {
    this.cancellation.cancel();
  }

  /** As the client asked for it. */
  get model(): string | undefined {
    return this.#model;
  }

  /** What the endpoint was asked for that has answered, or failed last; else what the client asked for. */
  get askedModel(): string | undefined {
    return this.#answered?.candidate.model ?? this.#attempts.at(-1)?.model ?? this.#model;
  }

  get wantsStream(): boolean {
    return this.#wantsStream;
  }

  get sticky(): StickyRequest | undefined {
    return this.#sticky;
  }

  /** Sends made so far, the one whose answer is relayed included. */
  get attemptCount(): number {
    return this.#answered?.attempts ?? this.#attempts.length;
  }

  get decision(): RoutingDecision | undefined {
    return this.#decision;
  }

  /** The endpoint that the answer, or the last failure, came from. */
  get endpointName(): string | undefined {
    return this.#answered?.candidate.endpoint.name ?? this.#attempts.at(-1)?.endpoint;
  }

  /** The answer that goes to the client comes from a cloud endpoint. */
  get isCloud(): boolean {
    return this.#answered?.candidate.endpoint.isCloud === true;
  }

  close(closing: LedgerClosing): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#liveSlot !== undefined) this.#context.live?.remove(this.#liveSlot);
    if (this.#answered?.isFailure === false) {
      this.#attempts.push(answeredAttempt(this.#answered, closing, this.#exchange));
    }
    const { request, requestId, receivedAt, path, query, clientAddress, clientKey } = this.#exchange;
    const { clock } = this.#context;
    const durationMs = clock.now() - receivedAt;
    const outcome: Outcome = {
      requestId,
      receivedAt: clock.wallTime() - durationMs,
      method: request.method,
      path,
      query: redactQuery(query),
      clientAddress,
      clientKey: clientKey?.name,
      userAgent: request.headers.get("user-agent") ?? undefined,
      model: this.askedModel,
      requestedModel: this.#model,
      endpoint: this.#answered?.candidate.endpoint.name,
      backendType: this.#answered?.candidate.endpoint.profile.name,
      tier: this.isCloud ? "cloud" : undefined,
      status: closing.ending === "client-abort" ? 499 : closing.status,
      isStream: closing.isStream,
      requestBytes: this.#requestBytes,
      responseBytes: closing.responseBytes,
      durationMs,
      headMs: this.#answered === undefined ? undefined : this.#answered.answer.headAt - receivedAt,
      queueMs: this.#answered?.claim.queuedMs ?? 0,
      stickyOutcome: stickyOutcomeOf(this.#sticky),
      ending: closing.ending,
      error:
        closing.error === undefined
          ? undefined
          : { code: closing.error.code, message: closing.error.message },
      attempts: this.#attempts,
      decision: this.#decision,
      clientApi: this.#clientApi && { ...this.#clientApi, wantsStream: this.#wantsStream },
      usage: closing.usage,
      route: this.#exchange.route,
      dialect: this.#exchange.dialect,
      writes: closing.writes,
      milestones: this.#milestones(closing.firstSentAt),
      heldBack: this.#heldBack,
      considered: this.#considered,
      trace: this.#exchange.trace,
    };
    this.#context.record(outcome);
    this.#exchange.onEnd?.(outcome);
  }

  /** Undefined for a request whose body never came. */
  #milestones(firstSentAt: number | undefined): Milestones | undefined {
    if (this.#bodyAt === undefined) return undefined;
    const { receivedAt } = this.#exchange;
    return {
      bodyMs: this.#bodyAt - receivedAt,
      inspectedMs: this.#inspectedAt - receivedAt,
      routedMs: this.#routedAt === undefined ? undefined : this.#routedAt - receivedAt,
      firstSentMs: firstSentAt === undefined ? undefined : firstSentAt - receivedAt,
    };
  }
}

function stickyOutcomeOf(sticky: StickyRequest | undefined): Outcome["stickyOutcome"] {
  const outcome = sticky?.outcome;
  return outcome === "disabled" ? undefined : outcome;
}

function withSpan(attempt: AttemptRecord, trace: RequestTrace | undefined): AttemptRecord {
  return trace === undefined ? attempt : { ...attempt, spanId: trace.takeAttemptSpanId() };
}

function answeredAttempt(
  { candidate, answer, claim }: Forwarded,
  closing: LedgerClosing,
  { receivedAt, trace }: Exchange,
): AttemptRecord {
  const { ending } = closing;
  const isEndpointsFault = ending !== "complete" && ending !== "client-abort" && ending !== "cancelled";
  return {
    endpoint: candidate.endpoint.name,
    // In the endpoint's own spelling, by which its tokens are counted.
    model: modelAskedFor(candidate),
    durationMs: answer.headAt - answer.startedAt,
    status: answer.response.status,
    error: isEndpointsFault ? closing.error?.code : undefined,
    startedMs: answer.startedAt - receivedAt,
    queuedMs: claim.queuedMs,
    message: isEndpointsFault ? closing.error?.message : undefined,
    spanId: trace?.takeAttemptSpanId(),
  };
}
