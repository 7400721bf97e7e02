import {
  admit,
  type BreakerEvent,
  type BreakerSettings,
  type BreakerState,
  blockedUntil,
  closedBreaker,
  closeOnProbation,
  isClean,
  openUntil,
  settle,
} from "../endpoints/circuit-breaker.ts";
import type { Clock } from "../lib/clock.ts";
import type {
  AttemptFailureKind,
  BreakerBlock,
  BreakerPass,
  BreakerStatus,
  BreakerTransition,
  EndpointBreakerStatus,
  ModelBreakerStatus,
} from "./breaker.ts";
import { Suspicions } from "./breaker-suspicions.ts";

export interface BreakerContext {
  readonly settings: BreakerSettings;
  readonly clock: Clock;
  readonly onTransition: (change: BreakerTransition) => void;
}

/** A breaker with its identity. */
interface Breaker {
  readonly model: string | undefined;
  state: BreakerState;
  failuresInARow: number;
  /** Which opening of the endpoint's breakers was its last. What was sent before it is old news to this breaker. */
  lastOpening: number;
}

/** What a result is judged by. `openings`: how many the endpoint's breakers had seen when the request was sent. */
interface Sent {
  readonly model: string | undefined;
  readonly openings: number;
  endpointToken: number | undefined;
  modelTrial: { readonly breaker: Breaker; readonly token: number } | undefined;
}

const mostModels = 1_000;
/** So many models blocked at once mean that the machine is at fault. */
const modelsThatBlameEndpoint = 2;

/** The breakers of one endpoint: its own and one for each model that failed. */
export class EndpointBreakers {
  readonly #endpoint: string;
  readonly #context: BreakerContext;
  readonly #own: Breaker = createBreaker(undefined, 0);
  /** Keyed by the name in lower case. No entry: closed and clean. */
  readonly #models = new Map<string, Breaker>();
  readonly #suspicions = new Suspicions();
  #openings = 0;
  /** The last opening of any breaker that had to make room. */
  #forgottenOpening = 0;
  #isRetired = false;

  constructor(endpoint: string, context: BreakerContext) {
    this.#endpoint = endpoint;
    this.#context = context;
  }

  get modelCount(): number {
    return this.#models.size;
  }

  blockOf(model: string | undefined): BreakerBlock | undefined {
    const breaker = this.#find(model);
    if (this.#own.state.phase === "closed" && (breaker === undefined || breaker.state.phase === "closed")) {
      return undefined;
    }
    const now = this.#context.clock.now();
    const own = this.#blockBy(this.#own, now);
    const byModel = breaker === undefined ? undefined : this.#blockBy(breaker, now);
    if (own === undefined || byModel === undefined) return own ?? byModel;
    return byModel.retryAt > own.retryAt ? byModel : own;
  }

  admit(model: string | undefined): BreakerPass | undefined {
    const breaker = this.#find(model);
    if (this.#own.state.phase === "closed" && (breaker === undefined || breaker.state.phase === "closed")) {
      return new Pass(this, model, this.#openings);
    }
    const { settings, clock } = this.#context;
    const now = clock.now();
    const own = admit(this.#own.state, now, settings);
    const byModel = breaker === undefined ? undefined : admit(breaker.state, now, settings);
    if (!own.isAdmitted || byModel?.isAdmitted === false) return undefined;
    const pass = new Pass(this, model, this.#openings);
    pass.endpointToken = own.token;
    const reportOwn = this.#replace(this.#own, own.state);
    if (breaker === undefined || byModel === undefined) {
      reportOwn?.();
      return pass;
    }
    if (byModel.token !== undefined) pass.modelTrial = { breaker, token: byModel.token };
    const reportModel = this.#replace(breaker, byModel.state);
    reportOwn?.();
    reportModel?.();
    return pass;
  }

  /** See `BreakerPass.answered`. From here on the request counts like one sent while closed; a lost trial stays lost. */
  accept(sent: Sent): void {
    if (this.#isRetired) return;
    const { endpointToken, modelTrial } = sent;
    if (endpointToken !== undefined && this.#closeOnProbation(this.#own, endpointToken)) {
      sent.endpointToken = undefined;
    }
    if (modelTrial !== undefined && this.#closeOnProbation(modelTrial.breaker, modelTrial.token)) {
      sent.modelTrial = undefined;
    }
  }

  /** A success or a neutral end. */
  conclude(sent: Sent, event: "success" | "neutral"): void {
    if (this.#isRetired) return;
    this.#settleModel(sent, event);
    this.#settleOwn(sent, event);
  }

  fail(sent: Sent, kind: AttemptFailureKind): void {
    if (this.#isRetired) return;
    const isOfModel = sent.model !== undefined && (kind === "server-error" || kind === "stream");
    this.#settleModel(sent, isOfModel ? "failure" : "neutral");
    // Neutral, not success, when only the model is to blame: an endpoint on trial has proved nothing yet.
    this.#settleOwn(sent, isOfModel && !this.#areManyModelsBlocked() ? "neutral" : "failure");
  }

  noteSuspicion(model: string | undefined): void {
    this.#suspicions.note({ model, notedAt: this.#context.clock.now(), openings: this.#openings });
  }

  settleSuspicion(hasProbeFailed: boolean, probeStartedAt: number): void {
    const due = this.#suspicions.takeUntil(probeStartedAt);
    if (!hasProbeFailed) return;
    for (const { model, openings } of due) {
      this.fail({ model, openings, endpointToken: undefined, modelTrial: undefined }, "server-error");
    }
  }

  status(): EndpointBreakerStatus {
    const now = this.#context.clock.now();
    const models: ModelBreakerStatus[] = [];
    for (const { model = "", state } of this.#models.values()) {
      if (state.phase !== "closed") models.push({ model, ...this.#statusOf(state, now) });
    }
    return { ...this.#statusOf(this.#own.state, now), models };
  }

  /** Whether nobody can be blocked here. */
  areAllClosed(): boolean {
    if (this.#own.state.phase !== "closed") return false;
    for (const { state } of this.#models.values()) if (state.phase !== "closed") return false;
    return true;
  }

  isOpen(): boolean {
    return this.#statusOf(this.#own.state, this.#context.clock.now()).state === "open";
  }

  /** The endpoint is gone: results still under way change nothing and report nothing. */
  retire(): void {
    this.#isRetired = true;
  }

  #find(model: string | undefined): Breaker | undefined {
    return model === undefined || this.#models.size === 0 ? undefined : this.#models.get(model.toLowerCase());
  }

  #settleOwn(sent: Sent, event: BreakerEvent): void {
    if (sent.endpointToken === undefined && sent.openings < this.#own.lastOpening) return;
    this.#settle(this.#own, event, sent.endpointToken);
  }

  #settleModel(sent: Sent, event: BreakerEvent): void {
    const { model, modelTrial } = sent;
    if (model === undefined) return;
    const known = this.#find(model);
    if (modelTrial !== undefined) {
      if (known === modelTrial.breaker) this.#settle(known, event, modelTrial.token);
      return;
    }
    const breaker = known ?? (event === "failure" ? this.#addModel(model) : undefined);
    if (breaker === undefined || sent.openings < breaker.lastOpening) return;
    this.#settle(breaker, event, undefined);
    // One that has opened before stays until room is needed, to tell late results from new ones.
    if (breaker.lastOpening === this.#forgottenOpening && this.#isClean(breaker)) {
      this.#models.delete(model.toLowerCase());
    }
  }

  #settle(breaker: Breaker, event: BreakerEvent, token: number | undefined): void {
    const context = { now: this.#context.clock.now(), settings: this.#context.settings };
    const next = settle(breaker.state, event, token, context);
    if (next === breaker.state) return;
    if (event === "failure") breaker.failuresInARow += 1;
    else if (event === "success") breaker.failuresInARow = 0;
    this.#replace(breaker, next)?.();
  }

  #closeOnProbation(breaker: Breaker, token: number): boolean {
    const next = closeOnProbation(breaker.state, token, this.#context.settings);
    if (next === breaker.state) return false;
    this.#replace(breaker, next)?.();
    return true;
  }

  /** Puts the next state in place; what it returns reports the transition, if it is one. */
  #replace(breaker: Breaker, next: BreakerState): (() => void) | undefined {
    const from = breaker.state.phase;
    breaker.state = next;
    if (from === next.phase) return undefined;
    if (next.phase === "open") {
      this.#openings += 1;
      breaker.lastOpening = this.#openings;
    }
    const change: BreakerTransition = {
      endpoint: this.#endpoint,
      model: breaker.model,
      from,
      to: next.phase,
      failures: next.phase === "closed" ? 0 : breaker.failuresInARow,
      retryAt: openUntil(next, this.#context.settings),
    };
    return () => this.#context.onTransition(change);
  }

  /** `undefined` when there is no room, that is when all the others are blocked right now. */
  #addModel(model: string): Breaker | undefined {
    if (this.#models.size >= mostModels && !this.#makeRoom()) return undefined;
    const breaker = createBreaker(model, this.#forgottenOpening);
    this.#models.set(model.toLowerCase(), breaker);
    return breaker;
  }

  /** Forgets the oldest clean breaker, or else the oldest that would let a request through. */
  #makeRoom(): boolean {
    let chosen: [string, Breaker] | undefined;
    for (const entry of this.#models) {
      if (this.#isClean(entry[1])) {
        chosen = entry;
        break;
      }
      if (chosen === undefined && !this.#isBlocked(entry[1])) chosen = entry;
    }
    if (chosen === undefined) return false;
    const [key, breaker] = chosen;
    this.#models.delete(key);
    this.#forgottenOpening = Math.max(this.#forgottenOpening, breaker.lastOpening);
    this.#replace(breaker, closedBreaker)?.();
    return true;
  }

  #isClean(breaker: Breaker): boolean {
    return isClean(breaker.state, this.#context.clock.now(), this.#context.settings);
  }

  #isBlocked(breaker: Breaker): boolean {
    return blockedUntil(breaker.state, this.#context.clock.now(), this.#context.settings) !== undefined;
  }

  #areManyModelsBlocked(): boolean {
    let blocked = 0;
    for (const breaker of this.#models.values()) {
      if (breaker.state.phase !== "closed" && this.#isBlocked(breaker)) blocked += 1;
      if (blocked >= modelsThatBlameEndpoint) return true;
    }
    return false;
  }

  #blockBy(breaker: Breaker, now: number): BreakerBlock | undefined {
    const { state, retryAt } = this.#statusOf(breaker.state, now);
    if (state === "closed" || retryAt === undefined) return undefined;
    return { endpoint: this.#endpoint, model: breaker.model, state, retryAt };
  }

  #statusOf(state: BreakerState, now: number): BreakerStatus {
    const { settings } = this.#context;
    const until = blockedUntil(state, now, settings);
    if (until === undefined) {
      return { state: state.phase === "closed" ? "closed" : "half-open", retryAt: undefined };
    }
    // A trial may end at any moment; its loss is the safety net, not what anyone should wait for.
    return { state: state.phase, retryAt: Math.min(until, now + settings.openMs) };
  }
}

class Pass implements BreakerPass, Sent {
  readonly model: string | undefined;
  readonly openings: number;
  endpointToken: number | undefined = undefined;
  modelTrial: Sent["modelTrial"] = undefined;
  readonly #breakers: EndpointBreakers;
  #isEnded = false;

  constructor(breakers: EndpointBreakers, model: string | undefined, openings: number) {
    this.#breakers = breakers;
    this.model = model;
    this.openings = openings;
  }

  answered(): void {
    if (!this.#isEnded) this.#breakers.accept(this);
  }

  success(): void {
    if (this.#end()) this.#breakers.conclude(this, "success");
  }

  failure(kind: AttemptFailureKind): void {
    if (this.#end()) this.#breakers.fail(this, kind);
  }

  neutral(): void {
    if (this.#end()) this.#breakers.conclude(this, "neutral");
  }

  #end(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    return true;
  }
}

function createBreaker(model: string | undefined, lastOpening: number): Breaker {
  return { model, state: closedBreaker, failuresInARow: 0, lastOpening };
}
