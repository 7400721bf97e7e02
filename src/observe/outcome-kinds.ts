import type { AttemptRecord, Outcome } from "./outcome.ts";
import type { ProviderMetrics } from "./usage.ts";

type AlikeAttempt = Pick<AttemptRecord, "endpoint" | "model" | "status" | "error" | "message">;

/** What is the same in all outcomes of a kind. Nothing else may be read of a kind: `isAlike` compares no more. */
export interface Alike
  extends Pick<
    Outcome,
    | "method"
    | "path"
    | "route"
    | "dialect"
    | "clientAddress"
    | "clientKey"
    | "userAgent"
    | "requestedModel"
    | "model"
    | "endpoint"
    | "backendType"
    | "tier"
    | "status"
    | "isStream"
    | "ending"
    | "error"
    | "stickyOutcome"
    | "decision"
    | "considered"
  > {
  readonly attempts: readonly AlikeAttempt[];
  readonly heldBack?: Outcome["heldBack"];
  readonly clientApi?: Pick<NonNullable<Outcome["clientApi"]>, "name" | "mode"> | undefined;
  readonly usage?: Pick<ProviderMetrics, "model" | "finish_reason"> | undefined;
}

/** Requests that differ in nothing but ids, times, sizes and tokens: what is written of one holds for all of them. */
export interface OutcomeKind {
  readonly common: Alike;
}

/** Sets of two kinds each. A power of two. */
const sets = 512;

/** Knows the kinds of the last requests: outcomes as recorders give them to their sinks, without huge texts. */
export class OutcomeKinds {
  /** Of each set the newer kind, then the older one. */
  readonly #kinds: (OutcomeKind | undefined)[] = new Array(2 * sets).fill(undefined);

  of(outcome: Outcome): OutcomeKind {
    if (!hasOneStory(outcome)) return { common: outcome };
    const at = 2 * setOf(outcome);
    const newer = this.#kinds[at];
    if (newer !== undefined && isAlike(newer.common, outcome)) return newer;
    const older = this.#kinds[at + 1];
    if (older !== undefined && isAlike(older.common, outcome)) return older;
    const kind: OutcomeKind = { common: outcome };
    if (!isExplained(outcome)) return kind;
    this.#kinds[at + 1] = newer;
    this.#kinds[at] = kind;
    return kind;
  }
}

/** By what tells the requests of a busy hour apart. Others may share a set: then the last two of it are remembered. */
function setOf({ clientAddress, clientKey, endpoint, model, path, status, isStream }: Outcome): number {
  let sum = status + path.length * 2 + (isStream ? 1 : 0);
  sum = Math.imul(sum, 31) + endOf(clientAddress);
  sum = Math.imul(sum, 31) + endOf(clientKey);
  sum = Math.imul(sum, 31) + endOf(endpoint);
  sum = Math.imul(sum, 31) + endOf(model);
  return (sum ^ (sum >>> 9)) & (sets - 1);
}

/** Names of many differ at their end. */
function endOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const { length } = text;
  return length < 2 ? length : text.charCodeAt(length - 1) * 7 + text.charCodeAt(length - 2) * 3 + length;
}

/** Explains the request now, so that what it would be explained from is not kept as long as its kind. */
function isExplained({ considered }: Outcome): boolean {
  try {
    considered?.();
    return true;
  } catch {
    // Whoever needs the explanation says so.
    return false;
  }
}

/** Whether there is no more to tell than that one endpoint was asked, or none. Every other request is a kind of its own. */
export function hasOneStory({ attempts, heldBack }: Alike): boolean {
  return attempts.length <= 1 && heldBack === undefined;
}

/** Of two with one story. What most often differs comes first. */
function isAlike(one: Alike, other: Alike): boolean {
  const attempt = one.attempts[0];
  const otherAttempt = other.attempts[0];
  return (
    one.endpoint === other.endpoint &&
    one.model === other.model &&
    one.clientAddress === other.clientAddress &&
    one.considered === other.considered &&
    one.decision === other.decision &&
    one.status === other.status &&
    one.isStream === other.isStream &&
    one.usage?.finish_reason === other.usage?.finish_reason &&
    one.usage?.model === other.usage?.model &&
    one.stickyOutcome === other.stickyOutcome &&
    one.path === other.path &&
    one.method === other.method &&
    one.route === other.route &&
    one.dialect === other.dialect &&
    one.clientKey === other.clientKey &&
    one.userAgent === other.userAgent &&
    one.requestedModel === other.requestedModel &&
    one.backendType === other.backendType &&
    one.tier === other.tier &&
    one.ending === other.ending &&
    one.error?.code === other.error?.code &&
    one.error?.message === other.error?.message &&
    one.clientApi?.name === other.clientApi?.name &&
    one.clientApi?.mode === other.clientApi?.mode &&
    attempt?.endpoint === otherAttempt?.endpoint &&
    attempt?.model === otherAttempt?.model &&
    attempt?.status === otherAttempt?.status &&
    attempt?.error === otherAttempt?.error &&
    attempt?.message === otherAttempt?.message
  );
}
