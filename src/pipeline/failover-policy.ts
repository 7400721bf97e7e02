import type { ErrorCode, OllaError } from "../errors.ts";
import { isObject, parseJson } from "../lib/json.ts";

/** `start-over`: every candidate was tried, and the first attempt of a new round over all of them is due. */
export type AfterFailure = "next-candidate" | "start-over" | "give-up";

export interface FailoverSettings {
  /** Without it the first attempt is the only one. */
  readonly enabled: boolean;
  /** Whether an endpoint that cannot be reached leads to another attempt. */
  readonly onConnectionFailure: boolean;
  /** For one request; 0 is each candidate once. */
  readonly maxAttempts: number;
  /** Answers that another endpoint may do better than. */
  readonly onStatus: readonly number[];
  /** Pause before the second attempt; it doubles with each further one. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Share of a pause that is left to chance, from 0 to 1. */
  readonly jitter: number;
  /** Draws from [0, 1). */
  readonly random: () => number;
}

/**
 * What follows a failed attempt. Asked only while nothing of an answer has reached the client. `attempts` counts those
 * made, the failed one included; `candidatesLeft` those not tried in this round.
 */
export interface FailoverPolicy {
  afterError(error: OllaError, attempts: number, candidatesLeft: number): AfterFailure;
  /** `give-up` for a status that is not a failed attempt: the answer is the client's. */
  afterStatus(status: number, attempts: number, candidatesLeft: number): AfterFailure;
  /** For an answer that `isModelMissing`. Never `start-over`: who has not got the model will not have it a moment later. */
  afterModelMissing(attempts: number, candidatesLeft: number): AfterFailure;
  /** Whether any failure could lead to another attempt. Without it nothing need be held back. */
  mayGoOn(attempts: number, candidatesLeft: number): boolean;
  /** Whether an answer with this status is a failed attempt, whether or not another one follows. */
  isFailedStatus(status: number): boolean;
  /** Milliseconds to wait before the given attempt, the first of which is 1. */
  backoffBefore(attempt: number): number;
}

/** The client's fault, or a refusal meant for it: never sent to another endpoint, whatever the configuration says. */
export const neverRetriedStatuses: readonly number[] = [400, 401, 403, 413, 422];

export function createFailoverPolicy(settings: FailoverSettings): FailoverPolicy {
  const { enabled, onConnectionFailure, maxAttempts, backoffMs, maxBackoffMs, jitter, random } = settings;
  const failedStatuses = new Set(
    settings.onStatus.filter((status) => !neverRetriedStatuses.includes(status)),
  );

  const goOn = (attempts: number, candidatesLeft: number): AfterFailure => {
    if (!enabled || (maxAttempts > 0 && attempts >= maxAttempts)) return "give-up";
    if (candidatesLeft > 0) return "next-candidate";
    return maxAttempts > 0 ? "start-over" : "give-up";
  };

  return {
    afterError(error, attempts, candidatesLeft) {
      const isWanted = onConnectionFailure || !(demotesEndpoint(error) || castsDoubt(error));
      return error.isRetryable && isWanted ? goOn(attempts, candidatesLeft) : "give-up";
    },
    afterStatus: (status, attempts, candidatesLeft) =>
      failedStatuses.has(status) ? goOn(attempts, candidatesLeft) : "give-up",
    afterModelMissing: (attempts, candidatesLeft) =>
      candidatesLeft > 0 ? goOn(attempts, candidatesLeft) : "give-up",
    mayGoOn: (attempts, candidatesLeft) => goOn(attempts, candidatesLeft) !== "give-up",
    isFailedStatus: (status) => failedStatuses.has(status),
    backoffBefore(attempt) {
      if (attempt < 2 || backoffMs <= 0) return 0;
      const pauseMs = Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 2));
      return pauseMs * (1 - jitter * random());
    },
  };
}

const unreachableCodes: ReadonlySet<ErrorCode> = new Set([
  "connect_refused",
  "connect_timeout",
  "dns",
  "unreachable",
]);

/** Whether a failed attempt says that the endpoint cannot be reached, and so takes it out of routing. */
export function demotesEndpoint(error: OllaError): boolean {
  return unreachableCodes.has(error.code);
}

/**
 * Whether a failed attempt is a reason to look after the endpoint. One that closes a connection early may be dying, or
 * may only dislike this request: taken at its word, one bad request would shut every endpoint that it is tried at.
 */
export function castsDoubt(error: OllaError): boolean {
  return error.code === "reset" || error.code === "eof_before_head";
}

/**
 * Whether an answer says that this endpoint has not got the model, as opposed to not knowing the path or not liking the
 * request. Most servers answer 404, llama.cpp's router and LM Studio 400, where only their very wording counts because a
 * 400 is otherwise the client's fault.
 * @param bodyText the answer's body, or as much of its beginning as was read
 */
export function isModelMissing(status: number, bodyText: string): boolean {
  if (status !== 404 && status !== 400) return false;
  const { message, code } = readError(bodyText);
  if (code === "model_not_found") return true;
  const wordings = status === 404 ? [...exactWordings, ...looseWordings] : exactWordings;
  return wordings.some((wording) => wording.test(message));
}

/** Nothing else that a server says about a request begins like this. */
const exactWordings: readonly RegExp[] = [
  // Ollama, llama.cpp's router
  /^model ['"`].{1,300}['"`] not found/i,
  // vLLM, SGLang, OpenAI
  /^the model ['"`].{1,300}['"`] does not exist/i,
  // LM Studio
  /^no models? loaded\b/i,
  /^model ['"`].{1,300}['"`] (?:is not loaded|does not exist)/i,
];

/** Under a 404 a message about a model that is absent can hardly mean anything else. */
const looseWordings: readonly RegExp[] = [
  /\bmodel\b.{0,300}\b(?:not found|does not exist|not loaded|is not available|unknown)/i,
  /\b(?:unknown|no such|could not find|cannot find|can't find)\b.{0,40}\bmodel\b/i,
  // Anthropic
  /^model: \S/i,
];

/** The places where servers put it: `error.message`, `error`, `message`, `detail`; else the text itself. */
function readError(bodyText: string): { readonly message: string; readonly code: unknown } {
  const body = parseJson(bodyText);
  // Plain text, or a body longer than what was read of it.
  if (!isObject(body)) return { message: bodyText.trim(), code: undefined };
  const error = isObject(body.error) ? body.error : body;
  const message = [error.message, body.error, body.detail].find((text) => typeof text === "string");
  return { message: typeof message === "string" ? message.trim() : "", code: error.code };
}
