import type { ClientTls } from "./client-tls.ts";
import { type Clock, systemClock } from "./clock.ts";

/** What is used of `fetch`, so that a test may hand in a function of its own. */
export type FetchLike = (url: string, init: BunFetchRequestInit) => Promise<Response>;

export interface HttpGetOptions {
  readonly headers?: Headers;
  /** Milliseconds for the whole exchange: connect, head and body. */
  readonly timeoutMs: number;
  /** Reading stops here and the connection is given up; the bytes so far are returned. */
  readonly maxBytes: number;
  /** Lets the caller give up early; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether to use, and leave behind, a pooled connection. True unless said otherwise. */
  readonly keepalive?: boolean;
  /** How the other side is checked, where the URL is https. */
  readonly tls?: ClientTls | undefined;
  readonly fetch?: FetchLike;
  readonly clock?: Clock;
}

export interface HttpGetResult {
  readonly status: number;
  readonly headers: Headers;
  /** Decompressed. */
  readonly body: Uint8Array;
  /** The body was longer than `maxBytes`. */
  readonly isTruncated: boolean;
  /** From the call to the last byte read. */
  readonly durationMs: number;
}

/** No complete answer in time. Has the name of the platform's own timeout error, so one classifier serves both. */
export class HttpGetTimeout extends Error {
  readonly timeoutMs: number;

  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`no complete answer within ${timeoutMs} ms`, options);
    this.name = "TimeoutError";
    this.timeoutMs = timeoutMs;
  }
}

/**
 * One bounded GET for the control plane (probes, model lists). Redirects are answers, not followed: credentials in
 * `headers` must not travel on. Proxy variables of the environment are ignored. Throws `HttpGetTimeout`, or what
 * `fetch` throws (`classifyNetworkError` names it).
 */
export async function httpGet(url: string, options: HttpGetOptions): Promise<HttpGetResult> {
  const clock = options.clock ?? systemClock;
  const startedAt = clock.now();
  const controller = new AbortController();
  let isTimedOut = false;
  const cancelTimer = clock.after(options.timeoutMs, () => {
    isTimedOut = true;
    controller.abort();
  });
  const giveUp = () => controller.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", giveUp);
  if (options.signal?.aborted) giveUp();

  try {
    const response = await (options.fetch ?? fetch)(url, {
      headers: options.headers ?? new Headers(),
      redirect: "manual",
      proxy: false,
      timeout: false,
      keepalive: options.keepalive ?? true,
      ...(options.tls && { tls: options.tls }),
      signal: controller.signal,
    });
    const { bytes, isTruncated } = await readAtMost(response.body, options.maxBytes);
    return {
      status: response.status,
      headers: response.headers,
      body: bytes,
      isTruncated,
      durationMs: clock.now() - startedAt,
    };
  } catch (cause) {
    if (isTimedOut) throw new HttpGetTimeout(options.timeoutMs, { cause });
    throw cause;
  } finally {
    cancelTimer();
    options.signal?.removeEventListener("abort", giveUp);
  }
}

async function readAtMost(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<{ bytes: Uint8Array; isTruncated: boolean }> {
  if (stream === null) return { bytes: new Uint8Array(), isTruncated: false };
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: Buffer.concat(pieces, size), isTruncated: false };
    const room = maxBytes - size;
    if (value.byteLength > room) {
      pieces.push(value.subarray(0, room));
      await reader.cancel();
      return { bytes: Buffer.concat(pieces, maxBytes), isTruncated: true };
    }
    pieces.push(value);
    size += value.byteLength;
  }
}
