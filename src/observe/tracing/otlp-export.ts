import type { Clock } from "../../lib/clock.ts";
import { classifyNetworkError } from "../../lib/network-error.ts";
import { parseRetryAfter } from "../../lib/retry-after.ts";
import type { Secret } from "../../lib/secret.ts";
import type { SpanBatch } from "./span-queue.ts";

export interface OtlpExportOptions {
  readonly clock: Clock;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: Secret])[];
  readonly version: string;
  /** For one try: connecting, sending and the whole answer. Milliseconds. */
  readonly timeoutMs: number;
  readonly random: () => number;
  /** Spans were given up. @param reason in words for people, without an address or a credential */
  readonly onLost: (spans: number, reason: string) => void;
}

export interface OtlpExport {
  /** Sends a batch, again where the collector asks for that or can't be reached. Never rejects. */
  send(batch: SpanBatch): Promise<void>;
  /** From now on every batch gets one try, and waiting for the next one is over. */
  hurry(): void;
  /** Ends the try under way. */
  abort(): void;
}

const mostTries = 5;
const firstBackoffMs = 1000;
const backoffFactor = 1.5;
const longestBackoffMs = 5000;
/** Longest time that a collector's `Retry-After` is believed. */
const longestWaitMs = 10 * 60_000;
const retryableStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Of an answer, more than any that says something. */
const mostAnswerBytes = 64 * 1024;

/** How a try went; `waitMs`: the collector's own word for when it wants the next one. */
type Try =
  | { readonly kind: "delivered"; readonly rejectedSpans: number }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "again"; readonly reason: string; readonly waitMs: number | undefined };

export function createOtlpExport(options: OtlpExportOptions): OtlpExport {
  const { clock, random, onLost } = options;
  const headers = new Headers(
    options.headers.map(([name, value]): [string, string] => [name, value.reveal()]),
  );
  headers.set("content-type", "application/x-protobuf");
  headers.set("user-agent", `olla/${options.version}`);
  let isHurried = false;
  let controller: AbortController | undefined;
  let endPause: (() => void) | undefined;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        endPause = undefined;
        resolve();
      };
      const cancel = clock.after(ms, end);
      endPause = end;
    });

  const tryOnce = async (body: Uint8Array<ArrayBuffer>): Promise<Try> => {
    const attempt = new AbortController();
    controller = attempt;
    const cancelTimer = clock.after(options.timeoutMs, () => attempt.abort());
    try {
      const response = await fetch(options.url, {
        method: "POST",
        headers,
        body,
        signal: attempt.signal,
        // Credentials in the headers must not travel on, and nobody's proxy is to see them.
        redirect: "manual",
        proxy: false,
        timeout: false,
      });
      return judge(response.status, response.headers, await readAnswer(response.body), clock);
    } catch (error) {
      const reason = attempt.signal.aborted ? "no answer in time" : classifyNetworkError(error);
      return { kind: "again", reason, waitMs: undefined };
    } finally {
      cancelTimer();
      controller = undefined;
    }
  };

  return {
    async send({ body, spans }) {
      let backoffMs = firstBackoffMs;
      for (let tries = 1; ; tries += 1) {
        const result = await tryOnce(body);
        if (result.kind === "delivered") {
          if (result.rejectedSpans > 0) onLost(Math.min(spans, result.rejectedSpans), "rejected");
          return;
        }
        if (result.kind === "refused" || isHurried || tries === mostTries) {
          onLost(spans, result.reason);
          return;
        }
        const jittered = backoffMs * (0.8 + 0.4 * random());
        await pause(Math.min(longestWaitMs, Math.max(jittered, result.waitMs ?? 0)));
        backoffMs = Math.min(longestBackoffMs, backoffMs * backoffFactor);
      }
    },
    hurry() {
      isHurried = true;
      endPause?.();
    },
    abort() {
      controller?.abort();
    },
  };
}

function judge(status: number, headers: Headers, answer: Uint8Array, clock: Clock): Try {
  if (status >= 200 && status < 300) return { kind: "delivered", rejectedSpans: readRejected(answer) };
  const reason = `the collector answered ${status}`;
  if (!retryableStatuses.has(status)) return { kind: "refused", reason };
  return { kind: "again", reason, waitMs: parseRetryAfter(headers.get("retry-after"), clock.wallTime()) };
}

async function readAnswer(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  if (stream === null) return new Uint8Array();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    size += piece.byteLength;
    // Leaving the loop gives up the connection.
    if (size > mostAnswerBytes) break;
  }
  return Buffer.concat(pieces, Math.min(size, mostAnswerBytes));
}

/** `partial_success.rejected_spans`, both of which are field 1. 0 for anything that looks otherwise. */
function readRejected(answer: Uint8Array): number {
  if (answer[0] !== 0x0a || answer[2] !== 0x08) return 0;
  let rejected = 0;
  for (let at = 3; at < Math.min(answer.length, 11); at += 1) {
    const byte = answer[at] ?? 0;
    rejected += (byte & 0x7f) * 128 ** (at - 3);
    if (byte < 0x80) return rejected;
  }
  return 0;
}
