import { formatTraceparent } from "./trace-context.ts";
import type { TraceIds } from "./trace-ids.ts";

export interface TraceOrigin {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The caller's span; undefined where the trace begins with this request. */
  readonly parentSpanId: string | undefined;
  /** Flags of `traceparent`, for the caller's side of this request and for endpoints. */
  readonly flags: number;
  /** Of a caller who had a good `traceparent`. */
  readonly tracestate: string | undefined;
  readonly isSampled: boolean;
}

/** To which trace a request belongs, decided when it comes. Spans are built from its outcome. */
export class RequestTrace implements TraceOrigin {
  readonly traceId: string;
  readonly parentSpanId: string | undefined;
  readonly flags: number;
  readonly tracestate: string | undefined;
  readonly isSampled: boolean;
  /** Of the request itself. */
  readonly spanId: string;
  readonly #ids: TraceIds;
  #attemptSpanId: string | undefined;

  constructor({ traceId, parentSpanId, flags, tracestate, isSampled }: TraceOrigin, ids: TraceIds) {
    this.traceId = traceId;
    this.parentSpanId = parentSpanId;
    this.flags = flags;
    this.tracestate = tracestate;
    this.isSampled = isSampled;
    this.spanId = ids.spanId();
    this.#ids = ids;
  }

  /** Tells the endpoint of the next attempt what it belongs to. An id whose attempt came to nothing is used once more. */
  mark(headers: Headers): void {
    this.#attemptSpanId ??= this.#ids.spanId();
    this.#tell(headers, this.#attemptSpanId);
  }

  /** The same for an endpoint that is asked something which is no attempt, and has no span of its own. */
  markQuestion(headers: Headers): void {
    this.#tell(headers, this.spanId);
  }

  /** The span of the attempt that has ended; undefined where no endpoint was told of one. */
  takeAttemptSpanId(): string | undefined {
    const spanId = this.#attemptSpanId;
    this.#attemptSpanId = undefined;
    return spanId;
  }

  #tell(headers: Headers, spanId: string): void {
    const { traceId, flags } = this;
    headers.set("traceparent", formatTraceparent({ traceId, spanId, flags }));
    if (this.tracestate === undefined) headers.delete("tracestate");
    else headers.set("tracestate", this.tracestate);
  }
}
