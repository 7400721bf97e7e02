import type { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { clientLeft, type UpstreamAnswer } from "./attempt.ts";
import type { Ending } from "./ending.ts";
import { classifyBodyFailure, upstreamError } from "./upstream-error.ts";

/** How the body of an answer ended, said exactly once. */
export interface RelayEnd {
  readonly ending: Ending;
  readonly bytes: number;
  readonly error: OllaError | undefined;
}

export interface RelayOptions {
  readonly clock: Clock;
  readonly clientSignal: AbortSignal;
  /** Milliseconds left until the first body byte must be here; 0 switches the limit off. */
  readonly firstByteMs: number;
  /** Longest silence between two pieces, in milliseconds, while a read is under way; 0 = any. */
  readonly silenceMs: number;
  /** Milliseconds left for the whole body; 0 = any. */
  readonly totalMs: number;
  /** Bytes that tell the client, in its dialect, that the stream broke; undefined cuts the connection instead. */
  readonly renderError: (error: OllaError) => Uint8Array | undefined;
  /** Called exactly once, just before the client sees the end. */
  readonly onEnd: (end: RelayEnd) => void;
}

/** Reads a short answer whole. Rejects with a classified OllaError when the body does not arrive complete. */
export async function readWholeBody(
  answer: UpstreamAnswer,
  options: Pick<RelayOptions, "clock" | "firstByteMs" | "silenceMs" | "totalMs">,
): Promise<Uint8Array> {
  // Nothing is handed on in between, so one limit for the whole body says the same as one for each silence.
  const patienceMs =
    options.silenceMs > 0 && options.firstByteMs > 0 ? options.firstByteMs + options.silenceMs : 0;
  const limitMs = shortest(patienceMs, options.totalMs);
  const cancelTimer =
    limitMs > 0
      ? options.clock.after(limitMs, () => answer.abort(errorAfter(answer, "read_timeout", limitMs)))
      : () => {};
  try {
    return await answer.response.bytes();
  } catch (error) {
    throw classifyBodyFailure(error, answer.signal, answer.endpoint.name, sinceStart(answer, options.clock));
  } finally {
    cancelTimer();
    answer.detach();
  }
}

/**
 * Hands an endpoint's body on, piece by piece, as the client takes it: a client that stalls stalls the endpoint.
 * A break is told to the client, never hidden behind a clean end.
 */
export function relayStream(
  answer: UpstreamAnswer,
  body: ReadableStream<Uint8Array>,
  options: RelayOptions,
): ReadableStream<Uint8Array> {
  const { clock } = options;
  const reader = body.getReader();
  let bytes = 0;
  let hasEnded = false;
  let cancelTotalTimer = () => {};

  const silence = watchSilence(options, () => {
    answer.abort(errorAfter(answer, "read_timeout", bytes === 0 ? options.firstByteMs : options.silenceMs));
  });
  if (options.totalMs > 0) {
    cancelTotalTimer = clock.after(options.totalMs, () => {
      answer.abort(errorAfter(answer, "response_timeout", sinceStart(answer, clock)));
    });
  }

  const end = (ending: Ending, error: OllaError | undefined) => {
    if (hasEnded) return;
    hasEnded = true;
    silence.stop();
    cancelTotalTimer();
    answer.detach();
    options.onEnd({ ending, bytes, error });
  };

  const fail = (cause: unknown, controller: ReadableStreamDefaultController<Uint8Array>) => {
    const error = classifyBodyFailure(cause, answer.signal, answer.endpoint.name, sinceStart(answer, clock));
    end(endingOf(error), error);
    const notice = error.code === "client_abort" ? undefined : options.renderError(error);
    if (notice === undefined) {
      controller.error(error);
      return;
    }
    controller.enqueue(notice);
    controller.close();
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        silence.startRead();
        try {
          const { done, value } = await reader.read();
          silence.endRead();
          if (done) {
            end("complete", undefined);
            controller.close();
            return;
          }
          bytes += value.byteLength;
          controller.enqueue(value);
        } catch (error) {
          if (!hasEnded) fail(error, controller);
        }
      },
      cancel() {
        end("client-abort", clientLeft());
        answer.abort(clientLeft());
      },
    },
    { highWaterMark: 0 },
  );
}

function endingOf(error: OllaError): Ending {
  switch (error.code) {
    case "client_abort":
      return "client-abort";
    case "read_timeout":
      return "idle-timeout";
    case "response_timeout":
      return "response-timeout";
    default:
      return "upstream-error";
  }
}

function errorAfter(
  answer: UpstreamAnswer,
  code: "read_timeout" | "response_timeout",
  elapsedMs: number,
): OllaError {
  return upstreamError(code, answer.endpoint.name, elapsedMs);
}

function sinceStart(answer: UpstreamAnswer, clock: Clock): number {
  return clock.now() - answer.startedAt;
}

function shortest(first: number, second: number): number {
  if (first <= 0) return second;
  return second <= 0 ? first : Math.min(first, second);
}

interface SilenceWatch {
  startRead(): void;
  endRead(): void;
  stop(): void;
}

/**
 * One timer for a whole stream instead of one for each piece: when it fires it looks how long the read under way has
 * really waited, and sleeps on for the rest. A client that takes its time is not the endpoint's silence.
 */
function watchSilence(
  limits: Pick<RelayOptions, "clock" | "firstByteMs" | "silenceMs">,
  onSilence: () => void,
): SilenceWatch {
  const { clock } = limits;
  let limitMs = limits.firstByteMs;
  let readStartedAt = -1;
  let cancelTimer: (() => void) | undefined;

  const arm = (afterMs: number) => {
    cancelTimer = clock.after(afterMs, check);
  };
  const check = () => {
    if (limitMs <= 0) return;
    const waitedMs = readStartedAt < 0 ? 0 : clock.now() - readStartedAt;
    if (waitedMs >= limitMs) onSilence();
    else arm(limitMs - waitedMs);
  };
  return {
    startRead() {
      readStartedAt = clock.now();
      if (cancelTimer === undefined && limitMs > 0) arm(limitMs);
    },
    endRead() {
      readStartedAt = -1;
      if (limitMs !== limits.silenceMs) {
        limitMs = limits.silenceMs;
        cancelTimer?.();
        cancelTimer = undefined;
      }
    },
    stop() {
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
}
