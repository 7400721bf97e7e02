import { OllaError } from "../errors.ts";
import { describeByteSize } from "../lib/byte-size.ts";
import type { Clock } from "../lib/clock.ts";
import type { BodyBudget, Reservation } from "./body-budget.ts";
import { decompress } from "./decode-body.ts";

export interface ReadBodyLimits {
  /** Of one body, as it comes and decompressed; 0 = no limit. */
  readonly maxBytes: number;
  /** For the whole body, from now on, in milliseconds; 0 = none. */
  readonly timeoutMs: number;
  readonly budget: BodyBudget;
  readonly clock: Clock;
}

/** A request's body in memory, to be sent as often as needed. */
export interface ReadBody {
  /** Undefined when the request has none, or an empty one. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** What `bytes` say once decompressed; the very same array where they are not compressed. */
  readonly plain: Uint8Array<ArrayBuffer> | undefined;
  /**
   * Gives its share of the budget back, and the memory of a large one: both arrays may be empty from then on. Called when
   * no attempt will need the body any more; may be called twice.
   */
  release(): void;
}

const noBody: ReadBody = Object.freeze({ bytes: undefined, plain: undefined, release() {} });

/** Seconds. Bodies leave memory as soon as an endpoint has begun to answer. */
const retryAfterSeconds = 1;

/**
 * Reads the whole body. A declared length is checked, and its bytes are reserved, before anything is read.
 * @throws OllaError body_too_large, buffer_full, request_timeout, unreadable_body or client_abort; nothing stays reserved
 */
export function readBody(request: Request, limits: ReadBodyLimits): Promise<ReadBody> | ReadBody {
  const { headers, method } = request;
  // Not `request.body`: looking at it already turns the body into a stream, which is slower to read.
  const declared = headers.get("content-length");
  if (method === "GET" || method === "HEAD" || declared === "0") return noBody;
  if (declared === null && !headers.has("transfer-encoding")) return noBody;

  const declaredBytes = declared === null ? undefined : Number(declared);
  if (declaredBytes !== undefined && exceeds(declaredBytes, limits)) throw bodyTooLarge(limits);
  const reservation = limits.budget.tryReserve(declaredBytes ?? 0);
  if (reservation === undefined) throw bufferFull();
  return readWithin(request, declaredBytes, reservation, limits);
}

async function readWithin(
  request: Request,
  declaredBytes: number | undefined,
  reservation: Reservation,
  limits: ReadBodyLimits,
): Promise<ReadBody> {
  const deadline = startDeadline(limits);
  try {
    const bytes =
      declaredBytes === undefined
        ? await deadline.orPassed(readUndeclared(request, { reservation, deadline, limits }))
        : new Uint8Array(await deadline.orPassed(request.arrayBuffer()));
    if (bytes.byteLength === 0) {
      reservation.release();
      return noBody;
    }
    const encoding = request.headers.get("content-encoding");
    const plain =
      encoding === null ? bytes : await decode(bytes, encoding, { reservation, deadline, limits });
    const release = () => {
      reservation.release();
      freeLarge(bytes);
      freeLarge(plain);
    };
    return { bytes, plain, release };
  } catch (cause) {
    reservation.release();
    throw asBodyError(cause, request.signal);
  } finally {
    deadline.cancel();
  }
}

/** So large that it should not wait for the garbage collector, which sees a small object. */
const largeBytes = 1024 * 1024;

/** What `fetch` was given it has copied. */
function freeLarge({ buffer }: Uint8Array<ArrayBuffer>): void {
  if (buffer.byteLength >= largeBytes) buffer.transfer(0);
}

interface Deadline {
  /** The same, or a rejection when it is too late. */
  orPassed<Result>(work: Promise<Result>): Promise<Result>;
  error(): OllaError | undefined;
  cancel(): void;
}

function startDeadline({ timeoutMs, clock }: ReadBodyLimits): Deadline {
  let rejectLate: ((error: OllaError) => void) | undefined;
  let error: OllaError | undefined;
  const expire = () => {
    error = bodyTimedOut(timeoutMs);
    rejectLate?.(error);
  };
  const cancel = timeoutMs > 0 ? clock.deadline(timeoutMs, expire) : () => {};
  return {
    // Every request waits here, and `Promise.race` costs two promises more.
    orPassed: (work) =>
      new Promise((resolve, reject) => {
        rejectLate = reject;
        if (error !== undefined) reject(error);
        work.then(resolve, reject);
      }),
    error: () => error,
    cancel,
  };
}

interface Accounting {
  readonly reservation: Reservation;
  readonly deadline: Deadline;
  readonly limits: ReadBodyLimits;
}

async function readUndeclared(request: Request, accounting: Accounting): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array(0);
  return collect(request.body, accounting, bodyTooLarge);
}

/** Piece by piece, so that a few bytes that stand for many are noticed before the many are there. */
async function decode(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: string,
  accounting: Accounting,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = decompress(bytes, encoding);
  if (stream === undefined) return bytes;
  try {
    return await collect(stream, accounting, decompressedTooLarge);
  } catch (cause) {
    throw asDecodingError(cause);
  }
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  { reservation, deadline, limits }: Accounting,
  tooLarge: (limits: ReadBodyLimits) => OllaError,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of stream) {
    const late = deadline.error();
    if (late !== undefined) throw late;
    total += chunk.byteLength;
    if (exceeds(total, limits)) throw tooLarge(limits);
    if (!reservation.grow(chunk.byteLength)) throw bufferFull();
    chunks.push(chunk);
  }
  const whole = new Uint8Array(total);
  let filled = 0;
  for (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return whole;
}

function exceeds(bytes: number, { maxBytes }: ReadBodyLimits): boolean {
  return maxBytes > 0 && bytes > maxBytes;
}

function asBodyError(cause: unknown, clientSignal: AbortSignal): OllaError {
  if (clientSignal.aborted) {
    return new OllaError("client_abort", "The client closed its connection while sending the body", {
      cause,
    });
  }
  if (cause instanceof OllaError) return cause;
  return new OllaError("unreadable_body", "The request body could not be read", { cause });
}

function asDecodingError(cause: unknown): OllaError {
  if (cause instanceof OllaError) return cause;
  return new OllaError("unreadable_body", "The request body is not what its Content-Encoding says it is", {
    cause,
  });
}

function bodyTooLarge({ maxBytes }: ReadBodyLimits): OllaError {
  return new OllaError(
    "body_too_large",
    `The request body is larger than the limit of ${describeByteSize(maxBytes)}`,
  );
}

function decompressedTooLarge({ maxBytes }: ReadBodyLimits): OllaError {
  return new OllaError(
    "body_too_large",
    `The request body is larger than the limit of ${describeByteSize(maxBytes)} once decompressed`,
  );
}

function bufferFull(): OllaError {
  return new OllaError(
    "buffer_full",
    "Too many request bodies are being held at the moment, try again soon",
    {
      retryAfterSeconds,
    },
  );
}

function bodyTimedOut(timeoutMs: number): OllaError {
  return new OllaError(
    "request_timeout",
    `The request body did not arrive within ${(timeoutMs / 1000).toFixed(1)} seconds`,
  );
}
