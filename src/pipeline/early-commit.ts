import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { isObject, parseJson } from "../lib/json.ts";
import type { ChunkReader } from "../proxy/first-content.ts";
import { randomText } from "../translate/answer-ids.ts";
import { sseEvent } from "../translate/sse-reader.ts";
import { filledText } from "../translate/wire.ts";

export interface EarlyCommit {
  readonly clock: Clock;
  /** How long the endpoint may keep silent before the client gets its head, and between two signs of life; > 0. */
  readonly intervalMs: number;
  /** What is written while nothing has come: a comment, or the dialect's ping. */
  readonly keepalive: Uint8Array;
  readonly headers: () => Headers;
  /** An error as an event of the caller's dialect. */
  readonly renderError: (error: OllaError) => Uint8Array | undefined;
  /** The name that an error event carries in the caller's dialect; undefined where events have none. */
  readonly errorEventName: "error" | "response.failed" | undefined;
}

/**
 * Answers the head of an event stream before the endpoint does, so that nobody on the way takes a long prompt for a
 * dead connection. An answer that comes within the first interval is passed on untouched, status and all; what comes
 * later, errors included, comes as events under the 200 that was promised.
 */
export async function commitEarly(answer: Promise<Response>, options: EarlyCommit): Promise<Response> {
  const silence = Promise.withResolvers<"silence">();
  const cancelTimer = options.clock.deadline(options.intervalMs, () => silence.resolve("silence"));
  try {
    const first = await Promise.race([answer, silence.promise]);
    if (first !== "silence") return first;
  } finally {
    cancelTimer();
  }
  return new Response(streamLater(answer, options), { status: 200, headers: options.headers() });
}

function streamLater(answer: Promise<Response>, options: EarlyCommit): ReadableStream<Uint8Array> {
  let cancelTimer = () => {};
  let reader: ChunkReader | undefined;
  let hasClientLeft = false;
  let cancelBody = () => Promise.resolve();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const giveSign = () => {
          controller.enqueue(options.keepalive);
          cancelTimer = options.clock.after(options.intervalMs, giveSign);
        };
        giveSign();
      },
      async pull(controller) {
        if (reader === undefined) {
          const response = await answer;
          cancelTimer();
          if (hasClientLeft) return;
          if (!isEventStream(response)) {
            controller.enqueue(await asEvent(response, options));
            controller.close();
            return;
          }
          const body = response.body?.getReader();
          reader = body;
          cancelBody = async () => body?.cancel();
        }
        const next = await reader?.read();
        if (next === undefined || next.done) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        hasClientLeft = true;
        cancelTimer();
        // Whoever relays a body learns of its end only by a read or a cancel, so a late answer needs one, too.
        if (reader === undefined) await (await answer).body?.cancel();
        else await cancelBody();
      },
    },
    { highWaterMark: 0 },
  );
}

function isEventStream(response: Response): boolean {
  const { ok, headers } = response;
  return ok && !isEncoded(response) && (headers.get("content-type") ?? "").startsWith("text/event-stream");
}

/** The head is out and did not say so. */
function isEncoded({ headers }: Response): boolean {
  return (headers.get("content-encoding") ?? "identity") !== "identity";
}

/** A refusal whose status can't be told any more: its body, if it is JSON, is in the caller's dialect already. */
async function asEvent(response: Response, options: EarlyCommit): Promise<Uint8Array> {
  if (isEncoded(response)) {
    await response.body?.cancel();
    const error = new OllaError(
      "malformed_response",
      "The endpoint compressed its answer without being asked to",
    );
    return options.renderError(error) ?? new Uint8Array(0);
  }
  const body = parseJson(await response.text());
  if (body !== undefined) return new TextEncoder().encode(writeEvent(body, options));
  const error = new OllaError("upstream_status", `The endpoint answered ${response.status}`);
  return options.renderError(error) ?? new Uint8Array(0);
}

function writeEvent(body: unknown, { errorEventName: name, clock }: EarlyCommit): string {
  return sseEvent(name, name === "response.failed" ? failedResponse(body, clock) : body);
}

/** The only event by which clients of the Responses API learn that there will be no answer. */
function failedResponse(body: unknown, clock: Clock): unknown {
  const detail = isObject(body) && isObject(body.error) ? body.error : {};
  const response = {
    id: `resp_${randomText(32)}`,
    object: "response",
    created_at: Math.floor(clock.wallTime() / 1000),
    status: "failed",
    error: {
      code: filledText(detail.code) ?? filledText(detail.type) ?? "server_error",
      message: filledText(detail.message) ?? "The endpoint did not answer",
    },
    incomplete_details: null,
    output: [],
  };
  return { type: "response.failed", sequence_number: 0, response };
}
