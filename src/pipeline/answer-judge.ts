import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { UpstreamAnswer } from "../proxy/attempt.ts";
import { type ChunkReader, readUntilContent, type StreamBeginning } from "../proxy/first-content.ts";
import { type StreamWatch, watchResponse } from "../proxy/stream-watch.ts";
import type { AttemptVerdict } from "../proxy/traffic.ts";
import { classifyBodyFailure, upstreamError } from "../proxy/upstream-error.ts";
import { readWholeBody } from "../proxy/whole-body.ts";
import type { AnswerBody } from "./answer-body.ts";
import type { Dispatch } from "./encode-attempt.ts";
import { type FailoverPolicy, isModelMissing } from "./failover-policy.ts";
import { mayNeedWords } from "./refusal-words.ts";
import { verdictOfAnswer } from "./verdict.ts";

export type JudgedAnswer =
  | { readonly kind: "served"; readonly body: AnswerBody }
  | {
      readonly kind: "failed";
      readonly error: OllaError;
      readonly verdict: AttemptVerdict;
      readonly isModelMissing: boolean;
      /** What the client gets if no other endpoint does better; undefined when the answer was too long to be kept. */
      readonly body: AnswerBody | undefined;
    };

export interface JudgeContext {
  readonly clock: Clock;
  readonly policy: FailoverPolicy;
  readonly dispatch: Pick<Dispatch, "upstreamPath" | "mayLackPath" | "translated">;
  /** Whether another attempt could follow. Without it nothing is held back that could be relayed at once. */
  readonly mayFailOver: boolean;
  /** Whether another endpoint could take a request that is too long for this one. */
  readonly mayOutgrow?: () => boolean;
  /** How long an answer that could be relayed at once is looked at all the same, in milliseconds; > 0. */
  readonly peekMs: number;
}

/** An answer that is refused is kept up to this size, and waited for no longer than this. */
const keptAnswerBytes = 256 * 1024;
const keptAnswerMs = 5_000;

/** Servers that don't know a path say so in fewer bytes. */
const shortAnswerBytes = 4 * 1024;

const unread: AnswerBody = { kind: "unread" };
const servedUnread: JudgedAnswer = { kind: "served", body: unread };

/** Of a refusal that was too long, or broke off: its status has to do. */
const nothingKept: AnswerBody = { kind: "whole", bytes: new Uint8Array(0) };

/**
 * Decides whether an answer is the client's or a failed attempt: by its status, by what it says about the model, and
 * for a stream by its first events, because some servers answer 200 and send the error inside.
 * @throws OllaError when the body breaks off before anything is known
 */
export function judgeAnswer(
  answer: UpstreamAnswer,
  context: JudgeContext,
): JudgedAnswer | Promise<JudgedAnswer> {
  const { response } = answer;
  const { dispatch, policy, mayFailOver } = context;
  if (response.status === 404 || response.status === 400) return judgeModelMissing(answer, context);
  if (mayFailOver && policy.isFailedStatus(response.status)) return refuseStatus(answer, context);
  if (!response.ok) {
    if (mayNeedWords(response.status, response.headers) && context.mayOutgrow?.() === true) {
      return serve(keepBody(answer, context.clock));
    }
    return dispatch.translated === undefined ? servedUnread : serve(readRefusal(answer, context.clock));
  }
  if (dispatch.mayLackPath && isShortJson(response)) return serve(keepBody(answer, context.clock));
  // Nobody waits for the first piece of what will be collected.
  if (dispatch.translated?.translation.isStream === false) return servedUnread;
  const { body } = response;
  const watch = watchResponse(response, dispatch.upstreamPath);
  if (watch === undefined || body === null) return servedUnread;
  if (mayFailOver) return judgeBeginning(answer, body.getReader(), watch, context);
  return watch.hasContent ? servedUnread : peekAtBeginning(answer, body.getReader(), watch, context);
}

async function serve(body: Promise<AnswerBody>): Promise<JudgedAnswer> {
  return { kind: "served", body: await body };
}

function isShortJson({ headers }: Response): boolean {
  const declared = Number(headers.get("content-length") ?? Number.POSITIVE_INFINITY);
  return declared <= shortAnswerBytes && (headers.get("content-type") ?? "").startsWith("application/json");
}

async function judgeModelMissing(answer: UpstreamAnswer, context: JudgeContext): Promise<JudgedAnswer> {
  const body = await keepBody(answer, context.clock);
  const text = body.kind === "whole" ? new TextDecoder().decode(body.bytes) : "";
  const { status } = answer.response;
  if (!isModelMissing(status, text)) return { kind: "served", body };
  const message = `Endpoint "${answer.endpoint.name}" does not have the model any more`;
  return {
    kind: "failed",
    error: new OllaError("upstream_status", message),
    verdict: "neutral",
    isModelMissing: true,
    body,
  };
}

async function refuseStatus(answer: UpstreamAnswer, context: JudgeContext): Promise<JudgedAnswer> {
  const { status } = answer.response;
  const body = await keepRefusal(answer, context.clock);
  return {
    kind: "failed",
    error: new OllaError("upstream_status", `Endpoint "${answer.endpoint.name}" answered ${status}`),
    verdict: verdictOfAnswer(status),
    isModelMissing: false,
    body,
  };
}

/** For a translation, which needs no more than the words in it. */
async function readRefusal(answer: UpstreamAnswer, clock: Clock): Promise<AnswerBody> {
  const body = await keepRefusal(answer, clock);
  return body?.kind === "whole" ? body : nothingKept;
}

/** Undefined when it is too long to be kept, or breaks off: the status is refusal enough for the next attempt. */
async function keepRefusal(answer: UpstreamAnswer, clock: Clock): Promise<AnswerBody | undefined> {
  try {
    const body = await keepBody(answer, clock);
    if (body.kind === "whole" || answer.response.body === null) return body;
  } catch (cause) {
    if (!(cause instanceof OllaError) || cause.code === "client_abort") throw cause;
  }
  // A connection is worth more than a refusal that would have to be kept open.
  answer.abort(notNeeded());
  answer.detach();
  return undefined;
}

/** Reads a refusal whole, to look into it or to have it later. A long one is handed on as far as it was read. */
async function keepBody(answer: UpstreamAnswer, clock: Clock): Promise<AnswerBody> {
  const { response } = answer;
  const declared = response.headers.get("content-length");
  if (response.body === null) {
    answer.detach();
    return unread;
  }
  if (Number(declared) > keptAnswerBytes) return unread;
  if (declared !== null) {
    const limits = { clock, firstByteMs: keptAnswerMs / 2, silenceMs: keptAnswerMs / 2 };
    return { kind: "whole", bytes: await readWholeBody(answer, limits) };
  }
  const expire = () => answer.abort(upstreamError("read_timeout", answer.endpoint.name, keptAnswerMs));
  const cancelTimer = clock.deadline(keptAnswerMs, expire);
  const reader = response.body.getReader();
  try {
    const body = await readUndeclared(reader);
    if (body.kind === "whole") answer.detach();
    return body;
  } catch (cause) {
    answer.detach();
    throw classifyBodyFailure(cause, answer.signal, answer.endpoint.name, clock.now() - answer.startedAt);
  } finally {
    cancelTimer();
  }
}

async function readUndeclared(reader: ChunkReader): Promise<AnswerBody> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= keptAnswerBytes) {
    const { done, value } = await reader.read();
    if (done) return { kind: "whole", bytes: Buffer.concat(chunks) };
    chunks.push(value);
    size += value.byteLength;
  }
  return { kind: "begun", reader, chunks, watch: undefined };
}

async function judgeBeginning(
  answer: UpstreamAnswer,
  reader: ChunkReader,
  watch: StreamWatch,
  context: JudgeContext,
): Promise<JudgedAnswer> {
  const beginning = await readBeginning(answer, reader, watch, context.clock);
  const reported = beginning.kind === "error" ? beginning : undefined;
  const body: AnswerBody = { kind: "begun", reader, chunks: beginning.chunks, watch, reported };
  if (beginning.kind === "content" || isClientsMistake(beginning, context.policy)) {
    return { kind: "served", body };
  }

  const { name } = answer.endpoint;
  const message =
    beginning.kind === "error"
      ? `Endpoint "${name}" reported an error instead of an answer`
      : `Endpoint "${name}" ended its answer before it began`;
  // What was read is all that the client would see of it; the connection is not needed any more.
  answer.abort(notNeeded());
  answer.detach();
  return {
    kind: "failed",
    error: new OllaError("stream_error", message),
    verdict: "stream",
    isModelMissing: false,
    body: { ...body, reader: endedReader },
  };
}

/**
 * Sees whether the first piece is an error, as long as nobody could notice the wait. Later ones are not waited for:
 * a prompt that takes its time must not keep signs of life from the client.
 */
async function peekAtBeginning(
  answer: UpstreamAnswer,
  reader: ChunkReader,
  watch: StreamWatch,
  { clock, peekMs }: JudgeContext,
): Promise<JudgedAnswer> {
  const silence = Promise.withResolvers<undefined>();
  const limitMs = answer.endpoint.timeouts.responseHeaderMs;
  const leftMs = limitMs > 0 ? limitMs - (clock.now() - answer.startedAt) : peekMs;
  const cancelTimer = clock.deadline(Math.max(1, Math.min(peekMs, leftMs)), () => silence.resolve(undefined));
  // Only now: from here on somebody is there for its failure.
  const first = reader.read();
  const seen = await Promise.race([first, silence.promise])
    // Whoever relays the body gets it again, and says what went wrong.
    .catch(() => undefined)
    .finally(cancelTimer);
  if (seen === undefined || seen.done) {
    return { kind: "served", body: { kind: "begun", reader: readAgain(first, reader), chunks: [], watch } };
  }
  answer.noteFirstByte();
  watch.push(seen.value);
  const reported = watch.hasContent ? undefined : watch.errorEvent;
  return { kind: "served", body: { kind: "begun", reader, chunks: [seen.value], watch, reported } };
}

/** A reader whose first read has begun already. */
function readAgain(first: ReturnType<ChunkReader["read"]>, reader: ChunkReader): ChunkReader {
  let isTaken = false;
  return {
    read() {
      if (isTaken) return reader.read();
      isTaken = true;
      return first;
    },
  };
}

/** An error event may name a status: what is wrong with the request is wrong everywhere. */
function isClientsMistake(beginning: StreamBeginning, policy: FailoverPolicy): boolean {
  if (beginning.kind !== "error" || beginning.status === undefined) return false;
  return beginning.status < 500 && !policy.isFailedStatus(beginning.status);
}

async function readBeginning(
  answer: UpstreamAnswer,
  reader: ChunkReader,
  watch: StreamWatch,
  clock: Clock,
): Promise<StreamBeginning> {
  const limitMs = answer.endpoint.timeouts.responseHeaderMs;
  const leftMs = Math.max(1, limitMs - (answer.headAt - answer.startedAt));
  const expire = () => answer.abort(upstreamError("header_timeout", answer.endpoint.name, limitMs));
  const cancelTimer = limitMs > 0 ? clock.deadline(leftMs, expire) : () => {};
  try {
    const beginning = await readUntilContent(reader, watch);
    answer.noteFirstByte();
    return beginning;
  } catch (cause) {
    const elapsedMs = clock.now() - answer.startedAt;
    const error = classifyBodyFailure(cause, answer.signal, answer.endpoint.name, elapsedMs);
    answer.detach();
    // Nothing of the answer has been seen, so for the client it is as good as none: another endpoint may give one.
    throw error.code === "truncated" ? new OllaError("stream_error", error.message, { cause: error }) : error;
  } finally {
    cancelTimer();
  }
}

/** The same beginning with nothing behind it, for an answer whose connection is given up. */
export function cutAfterBeginning(body: AnswerBody): AnswerBody {
  return body.kind === "begun" ? { ...body, reader: endedReader } : body;
}

const endedReader: ChunkReader = { read: () => Promise.resolve({ done: true }) };

function notNeeded(): OllaError {
  return new OllaError("upstream_failed", "The answer is not needed any more");
}
