import type { Endpoint } from "../endpoints/endpoint.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { connectTargetOf } from "../lib/connect-target.ts";
import type { Cancellation } from "./cancellation.ts";
import type { WatchConnect } from "./connect-watch.ts";
import type { Transport, UpstreamRequest } from "./engine.ts";
import type { PendingAttempts } from "./pending-attempts.ts";
import { classifyAttemptFailure, upstreamError } from "./upstream-error.ts";

/** An endpoint heard from within this time is taken to be there; others are watched while connecting. */
const freshContactMs = 10_000;

/** How long an attempt goes without precautions, in milliseconds: most small answers are here by then. */
const carefreeMs = 20;

/** A kept-alive connection that the endpoint had closed fails at once; later failures are of another kind. */
const staleConnectionWindowMs = 1_000;

export interface AttemptContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly watchConnect: WatchConnect;
  /** Milliseconds since the endpoint was last heard from, by a probe or a request; Infinity when never. */
  readonly contactAgeMs: (endpointName: string) => number;
  readonly pending: PendingAttempts;
  /** Longest time from the request's arrival to the last byte of its answer, in milliseconds; 0 = any. */
  readonly responseTimeoutMs: number;
}

/** Who the attempt is made for. */
export interface AttemptClient {
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly receivedAt: number;
  /** Absent where no operator can end the request. */
  readonly cancellation?: Cancellation | undefined;
}

/** An answer whose head has arrived. Its body is still under the attempt's abort and timers. */
export interface UpstreamAnswer {
  readonly endpoint: Endpoint;
  readonly response: Response;
  readonly startedAt: number;
  readonly headAt: number;
  readonly signal: AbortSignal;
  /** Stops the endpoint's work. The reason becomes the error that readers of the body see. */
  abort(reason: OllaError): void;
  /** The first byte of the body is here: the endpoint is answering, whatever its probes say. */
  noteFirstByte(): void;
  /** Unties the attempt from the client's request. Called when the body has ended; may be called twice. */
  detach(): void;
}

/**
 * Sends a request to one endpoint and waits for the response head.
 * @throws OllaError classified; `client_abort` when the client left, whatever else went wrong
 */
export async function sendAttempt(
  endpoint: Endpoint,
  request: UpstreamRequest,
  client: AttemptClient,
  context: AttemptContext,
): Promise<UpstreamAnswer> {
  if (client.signal.aborted) throw clientLeft();
  const attempt = new Attempt(endpoint, client, context);
  try {
    attempt.begin();
    await attempt.send(request);
    return attempt;
  } catch (error) {
    throw attempt.fail(error);
  }
}

export function clientLeft(): OllaError {
  return new OllaError("client_abort", "The client closed its connection before the answer was complete");
}

/** One attempt, from its sending to the end of its answer's body. */
class Attempt implements UpstreamAnswer {
  readonly endpoint: Endpoint;
  readonly startedAt: number;
  readonly #client: AttemptClient;
  readonly #context: AttemptContext;
  readonly #controller = new AbortController();
  #response: Response | undefined;
  #headAt = 0;
  #forget: (() => void) | undefined;
  #cancelPrecautions: (() => void) | undefined;
  #cancelTotalTimer: (() => void) | undefined;
  #cancelHeadTimer: (() => void) | undefined;
  #endConnectWatch: (() => void) | undefined;
  #isListening = false;

  constructor(endpoint: Endpoint, client: AttemptClient, context: AttemptContext) {
    this.endpoint = endpoint;
    this.#client = client;
    this.#context = context;
    this.startedAt = context.clock.now();
  }

  get response(): Response {
    if (this.#response === undefined) throw new OllaError("internal", "There is no answer yet");
    return this.#response;
  }

  get headAt(): number {
    return this.#headAt;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: OllaError): void {
    this.#controller.abort(reason);
  }

  begin(): void {
    this.#forget = this.#context.pending.add(this.endpoint.name, this);
    this.#client.cancellation?.begin(this);
    // Listening to the client and setting timers costs as much as all else together, and is mostly for nothing.
    const isUrgent = this.#shortestLimitMs() < carefreeMs;
    if (isUrgent) this.#takePrecautions();
    else {
      this.#cancelPrecautions = this.#context.clock.deadline(carefreeMs, () => this.#takePrecautions());
    }
  }

  /** `fetch` does not replay a POST that died on a kept-alive connection, and llama.cpp closes those every 100 requests. */
  async send(request: UpstreamRequest): Promise<void> {
    const { clock, transport } = this.#context;
    const { name, origin, tls } = this.endpoint;
    const { signal } = this;
    const mayReuseConnection = this.#context.contactAgeMs(name) !== Number.POSITIVE_INFINITY;
    let response: Response;
    try {
      response = await transport.send(origin, request, { signal, onFreshConnection: false, tls });
    } catch (error) {
      const elapsedMs = clock.now() - this.startedAt;
      const failure = classifyAttemptFailure(error, signal, name, elapsedMs);
      if (!mayReuseConnection || !looksStale(failure, elapsedMs)) throw failure;
      response = await transport.send(origin, request, { signal, onFreshConnection: true, tls });
    }
    this.#response = response;
    this.#headAt = clock.now();
    this.#endHeadLimits();
    if (response.status < 200 || response.status > 599) {
      // Nobody can pass on what HTTP does not know, and nobody will read its body.
      this.abort(upstreamError("malformed_response", name, this.#headAt - this.startedAt));
      throw signal.reason;
    }
  }

  /** No answer will come. @returns what to say about it */
  fail(error: unknown): OllaError {
    this.#endHeadLimits();
    this.detach();
    const elapsedMs = this.#context.clock.now() - this.startedAt;
    return classifyAttemptFailure(error, this.signal, this.endpoint.name, elapsedMs);
  }

  noteFirstByte(): void {
    this.#forget?.();
  }

  detach(): void {
    this.#client.cancellation?.end(this);
    this.#forget?.();
    this.#cancelPrecautions?.();
    this.#cancelTotalTimer?.();
    if (this.#isListening) this.#client.signal.removeEventListener("abort", this.#onClientAbort);
  }

  #shortestLimitMs(): number {
    const { connectMs, responseHeaderMs } = this.endpoint.timeouts;
    return Math.min(orNever(connectMs), orNever(responseHeaderMs), this.#totalLeftMs());
  }

  #totalLeftMs(): number {
    const { clock, responseTimeoutMs } = this.#context;
    if (responseTimeoutMs <= 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#client.receivedAt + responseTimeoutMs - clock.now());
  }

  #takePrecautions(): void {
    const { signal } = this.#client;
    if (signal.aborted) {
      this.#onClientAbort();
      return;
    }
    this.#isListening = true;
    signal.addEventListener("abort", this.#onClientAbort, { once: true });
    this.#armTotalTimer();
    if (this.#response === undefined) this.#armHeadTimers();
  }

  readonly #onClientAbort = (): void => this.abort(clientLeft());

  /** Runs on while the body is relayed: whoever reads it sees the reason. */
  #armTotalTimer(): void {
    const { clock, responseTimeoutMs } = this.#context;
    if (responseTimeoutMs <= 0) return;
    this.#cancelTotalTimer = clock.after(this.#totalLeftMs(), () =>
      this.abort(upstreamError("response_timeout", this.endpoint.name, responseTimeoutMs)),
    );
  }

  /**
   * The limits for connecting and for the response head. An endpoint not heard from lately is watched while connecting;
   * one that was gets half of the connect limit first, and is watched for the other half if nothing was heard since.
   */
  #armHeadTimers(): void {
    const { clock, contactAgeMs } = this.#context;
    const { name } = this.endpoint;
    const { connectMs, responseHeaderMs } = this.endpoint.timeouts;
    const usedMs = clock.now() - this.startedAt;
    const halfMs = connectMs / 2;
    const hasTimeToLook = connectMs > 0 && (responseHeaderMs <= 0 || halfMs < responseHeaderMs);
    if (!hasTimeToLook) {
      this.#armHeaderTimer(responseHeaderMs - usedMs);
    } else if (contactAgeMs(name) > freshContactMs) {
      this.#watchConnect(connectMs - usedMs);
      this.#armHeaderTimer(responseHeaderMs - usedMs);
    } else {
      this.#cancelHeadTimer = clock.after(Math.max(0, halfMs - usedMs), () => {
        if (contactAgeMs(name) >= halfMs) this.#watchConnect(halfMs);
        this.#armHeaderTimer(responseHeaderMs - halfMs);
      });
    }
  }

  #watchConnect(limitMs: number): void {
    const { name, origin, timeouts } = this.endpoint;
    this.#endConnectWatch = this.#context.watchConnect(connectTargetOf(origin), Math.max(0, limitMs), () =>
      this.abort(upstreamError("connect_timeout", name, timeouts.connectMs)),
    );
  }

  #armHeaderTimer(delayMs: number): void {
    const { responseHeaderMs } = this.endpoint.timeouts;
    if (responseHeaderMs <= 0) return;
    this.#cancelHeadTimer = this.#context.clock.after(Math.max(0, delayMs), () =>
      this.abort(upstreamError("header_timeout", this.endpoint.name, responseHeaderMs)),
    );
  }

  #endHeadLimits(): void {
    this.#cancelHeadTimer?.();
    this.#endConnectWatch?.();
  }
}

function looksStale({ code }: OllaError, elapsedMs: number): boolean {
  return (code === "reset" || code === "eof_before_head") && elapsedMs <= staleConnectionWindowMs;
}

/** A limit of which 0 is none. */
function orNever(limitMs: number): number {
  return limitMs > 0 ? limitMs : Number.POSITIVE_INFINITY;
}
