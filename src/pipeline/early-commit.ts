import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { ChunkReader } from "../proxy/first-content.ts";

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
  readonly errorEventName: string | undefined;
}

/**
 * Answers the head of an event stream before the endpoint does, so that nobody on the way takes a long prompt for a
 * dead connection. An answer that comes within the first interval is passed on untouched, status and all; what comes
 * later, errors included, comes as events under the 200 that was promised.
 */
export async function commitEarly(answer: Promise<Response>, options: EarlyCommit): Promise<Response> {
  const silence = Promise.withResolvers<"silence">();
  const cancelTimer = options.clock.after(options.intervalMs, () => silence.resolve("silence"));
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
  const text = await response.text();
  const line = toJsonLine(text);
  if (line !== undefined) {
    const name = options.errorEventName === undefined ? "" : `event: ${options.errorEventName}\n`;
    return new TextEncoder().encode(`${name}data: ${line}\n\n`);
  }
  const error = new OllaError("upstream_status", `The endpoint answered ${response.status}`);
  return options.renderError(error) ?? new Uint8Array(0);
}

function toJsonLine(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
