import type { StickyRequest } from "../balancer/sticky.ts";
import { modelAskedFor } from "../balancer/warm-first.ts";
import type { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { AttemptRecord, ClientApiOutcome, Outcome, RoutingDecision } from "../observe/outcome.ts";
import { redactQuery } from "../observe/redact-query.ts";
import type { ProviderMetrics } from "../observe/usage.ts";
import type { Ending } from "../proxy/ending.ts";
import type { ClientApiName } from "../translate/client-api.ts";
import type { Exchange } from "./exchange.ts";
import type { Forwarded } from "./forwarding.ts";
import type { Inspection } from "./inspect.ts";

/** How a request ended, as its last stage knows it. */
export interface LedgerClosing {
  readonly status: number;
  readonly ending: Ending;
  readonly responseBytes: number;
  readonly isStream: boolean;
  readonly error?: OllaError | undefined;
  readonly usage?: ProviderMetrics | undefined;
}

/**
 * Collects what is to be remembered of one request while it passes the stages, and hands it over exactly once.
 * Written by the stages, read by nobody before the end.
 */
export class RequestLedger {
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  readonly #record: (outcome: Outcome) => void;
  readonly #attempts: AttemptRecord[] = [];
  #isClosed = false;
  #model: string | undefined;
  #wantsStream = false;
  #sticky: StickyRequest | undefined;
  #requestBytes = 0;
  #decision: RoutingDecision | undefined;
  #answered: Forwarded | undefined;
  #clientApi: Omit<ClientApiOutcome, "wantsStream"> | undefined;

  constructor(exchange: Exchange, clock: Clock, record: (outcome: Outcome) => void) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#record = record;
  }

  noteRequest({ model, wantsStream }: Inspection, requestBytes: number): void {
    this.#model = model;
    this.#wantsStream = wantsStream;
    this.#requestBytes = requestBytes;
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

  noteDecision(decision: RoutingDecision | undefined): void {
    this.#decision = decision;
  }

  noteAttempt(attempt: AttemptRecord): void {
    this.#attempts.push(attempt);
  }

  /** The answer that goes to the client. Its attempt is complete only when the body has ended. */
  noteAnswer(answered: Forwarded): void {
    this.#answered = answered;
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
    if (this.#answered?.isFailure === false) this.#attempts.push(answeredAttempt(this.#answered, closing));
    const { request, requestId, receivedAt, path, query, clientAddress, clientKey } = this.#exchange;
    const durationMs = this.#clock.now() - receivedAt;
    const outcome: Outcome = {
      requestId,
      receivedAt: this.#clock.wallTime() - durationMs,
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
    };
    this.#record(outcome);
    this.#exchange.onEnd?.(outcome);
  }
}

function stickyOutcomeOf(sticky: StickyRequest | undefined): Outcome["stickyOutcome"] {
  const outcome = sticky?.outcome;
  return outcome === "disabled" ? undefined : outcome;
}

function answeredAttempt({ candidate, answer }: Forwarded, closing: LedgerClosing): AttemptRecord {
  const isEndpointsFault = closing.ending !== "complete" && closing.ending !== "client-abort";
  return {
    endpoint: candidate.endpoint.name,
    // In the endpoint's own spelling, by which its tokens are counted.
    model: modelAskedFor(candidate),
    durationMs: answer.headAt - answer.startedAt,
    status: answer.response.status,
    error: isEndpointsFault ? closing.error?.code : undefined,
  };
}
