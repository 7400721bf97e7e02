import { decodeSpans, type OtlpSpan } from "./otlp-decoder.ts";
import { waitUntil } from "./wait-until.ts";

export const serverKind = 2;
export const clientKind = 3;

export interface OtlpDelivery {
  readonly path: string;
  readonly headers: Headers;
  readonly spans: readonly OtlpSpan[];
}

/** An attempt's span, or a request's with those of its attempts. */
export interface ReceivedTrace {
  readonly request: OtlpSpan;
  /** In the order in which they were made. */
  readonly attempts: readonly OtlpSpan[];
}

type Answer = (delivery: OtlpDelivery, ordinal: number) => Response | Promise<Response>;

/** What an OpenTelemetry collector is to Olla: takes OTLP over HTTP, and refuses what it cannot decode. */
export class OtlpReceiver implements AsyncDisposable {
  readonly #server: Bun.Server<undefined>;
  readonly deliveries: OtlpDelivery[] = [];
  /** What was no OTLP. */
  readonly faults: string[] = [];
  answer: Answer;

  constructor(answer: Answer = () => new Response(new Uint8Array())) {
    this.answer = answer;
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        try {
          const type = request.headers.get("content-type");
          if (request.method !== "POST" || type !== "application/x-protobuf") throw new Error(`a ${type}`);
          const spans = decodeSpans(await readBody(request));
          const delivery = { path: new URL(request.url).pathname, headers: request.headers, spans };
          this.deliveries.push(delivery);
          return await this.answer(delivery, this.deliveries.length);
        } catch (error) {
          this.faults.push(String(error));
          return new Response("not OTLP", { status: 400 });
        }
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get spans(): readonly OtlpSpan[] {
    return this.deliveries.flatMap(({ spans }) => spans);
  }

  /** Of the requests whose spans are all here, in the order of their beginning. */
  traces(): ReceivedTrace[] {
    if (this.faults.length > 0) throw new Error(`the receiver got: ${this.faults.join(", ")}`);
    const requests = this.spans.filter(({ kind }) => kind === serverKind);
    return requests
      .toSorted((left, right) => Number(left.startNano - right.startNano))
      .map((request) => ({
        request,
        attempts: this.spans
          .filter(({ parentSpanId, kind }) => kind === clientKind && parentSpanId === request.spanId)
          .toSorted((left, right) => Number(left.startNano - right.startNano)),
      }));
  }

  /** Waits until so many requests have been traced. */
  async waitForTraces(count: number): Promise<ReceivedTrace[]> {
    return await waitUntil(() => {
      const traces = this.traces();
      return traces.length >= count && traces;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

async function readBody(request: Request): Promise<Uint8Array> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  return request.headers.get("content-encoding") === "gzip" ? Bun.gunzipSync(bytes) : bytes;
}
