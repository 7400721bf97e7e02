import type { Endpoint } from "../endpoints/endpoint.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Cancellation } from "./cancellation.ts";
import { connectTargetOf, type WatchConnect } from "./connect-watch.ts";
import type { Transport, UpstreamRequest } from "./engine.ts";
import type { PendingAttempts } from "./pending-attempts.ts";
import { classifyAttemptFailure, upstreamError } from "./upstream-error.ts";

/** An endpoint heard from within this time is taken to be there; others are watched while connecting. */
const freshContactMs = 10_000;

/** How long an attempt is left alone before the client is listened to: most small answers are here by then. */
const unheardMs = 20;

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
  const { clock } = context;
  const startedAt = clock.now();
  const controller = new AbortController();
  if (client.signal.aborted) throw clientLeft();
  const stopListening = listenToClient(client.signal, controller, clock);
  const noteFirstByte = context.pending.add(endpoint.name, (reason) => controller.abort(reason));
  const leave = client.cancellation?.during((reason) => controller.abort(reason));
  let cancelTotalTimer = () => {};
  const detach = () => {
    leave?.();
    noteFirstByte();
    cancelTotalTimer();
    stopListening();
  };

  let stopTimers = () => {};
  try {
    cancelTotalTimer = armTotalTimer(endpoint, controller, client.receivedAt, context);
    stopTimers = armHeadTimers(endpoint, controller, context);
    const { signal } = controller;
    const sentAt = clock.now();
    const mayReuseConnection = context.contactAgeMs(endpoint.name) !== Number.POSITIVE_INFINITY;
    const options = { signal, onFreshConnection: false, tls: endpoint.tls };
    let response: Response;
    try {
      response = await context.transport.send(endpoint.name, request, options);
    } catch (error) {
      const elapsedMs = clock.now() - sentAt;
      const failure = classifyAttemptFailure(error, signal, endpoint.name, elapsedMs);
      if (!mayReuseConnection || !looksStale(failure, elapsedMs)) throw failure;
      response = await context.transport.send(endpoint.name, request, {
        ...options,
        onFreshConnection: true,
      });
    }
    if (response.status < 200 || response.status > 599) {
      // Nobody can pass on what HTTP does not know, and nobody will read its body.
      controller.abort(upstreamError("malformed_response", endpoint.name, clock.now() - startedAt));
      throw controller.signal.reason;
    }
    return {
      endpoint,
      response,
      startedAt,
      headAt: clock.now(),
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      noteFirstByte,
      detach,
    };
  } catch (error) {
    detach();
    throw classifyAttemptFailure(error, controller.signal, endpoint.name, clock.now() - startedAt);
  } finally {
    stopTimers();
  }
}

export function clientLeft(): OllaError {
  return new OllaError("client_abort", "The client closed its connection before the answer was complete");
}

/** `fetch` does not replay a POST that died on a kept-alive connection, and llama.cpp closes those every 100 requests. */
function looksStale({ code }: OllaError, elapsedMs: number): boolean {
  return (code === "reset" || code === "eof_before_head") && elapsedMs <= staleConnectionWindowMs;
}

/** Listening costs more than all other precautions together, so it begins when the answer is not here at once. */
function listenToClient(signal: AbortSignal, controller: AbortController, clock: Clock): () => void {
  const onAbort = () => controller.abort(clientLeft());
  let isListening = false;
  const cancelWait = clock.deadline(unheardMs, () => {
    if (signal.aborted) return onAbort();
    isListening = true;
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return () => {
    cancelWait();
    if (isListening) signal.removeEventListener("abort", onAbort);
  };
}

/** Runs on while the body is relayed: whoever reads it sees the reason. */
function armTotalTimer(
  endpoint: Endpoint,
  controller: AbortController,
  receivedAt: number,
  { clock, responseTimeoutMs }: AttemptContext,
): () => void {
  if (responseTimeoutMs <= 0) return () => {};
  const leftMs = Math.max(0, receivedAt + responseTimeoutMs - clock.now());
  return clock.deadline(leftMs, () =>
    controller.abort(upstreamError("response_timeout", endpoint.name, responseTimeoutMs)),
  );
}

/**
 * The limits for connecting and for the response head. An endpoint not heard from lately is watched while connecting;
 * one that was gets half of the connect limit first, and is watched for the other half if nothing was heard since.
 */
function armHeadTimers(endpoint: Endpoint, controller: AbortController, context: AttemptContext): () => void {
  const { clock, contactAgeMs } = context;
  const { connectMs, responseHeaderMs } = endpoint.timeouts;
  let endWatch = () => {};
  let cancelTimer = () => {};

  const watch = (limitMs: number) => {
    endWatch = context.watchConnect(connectTargetOf(endpoint.origin), limitMs, () =>
      controller.abort(upstreamError("connect_timeout", endpoint.name, connectMs)),
    );
  };
  const armHeaderTimer = (delayMs: number) => {
    if (responseHeaderMs <= 0) return;
    cancelTimer = clock.deadline(delayMs, () =>
      controller.abort(upstreamError("header_timeout", endpoint.name, responseHeaderMs)),
    );
  };

  const halfMs = connectMs / 2;
  const hasTimeToLook = connectMs > 0 && (responseHeaderMs <= 0 || halfMs < responseHeaderMs);
  if (!hasTimeToLook) {
    armHeaderTimer(responseHeaderMs);
  } else if (contactAgeMs(endpoint.name) > freshContactMs) {
    watch(connectMs);
    armHeaderTimer(responseHeaderMs);
  } else {
    cancelTimer = clock.deadline(halfMs, () => {
      if (contactAgeMs(endpoint.name) >= halfMs) watch(halfMs);
      armHeaderTimer(responseHeaderMs - halfMs);
    });
  }
  return () => {
    cancelTimer();
    endWatch();
  };
}
