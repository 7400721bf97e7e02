import { expect, test } from "bun:test";
import fc from "fast-check";
import { sampleCandidate } from "../../test/conformance/balancer.cases.ts";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import type { Candidate } from "../balancer/balancer.ts";
import type { AttemptFailureKind, BreakerPass, BreakerTransition } from "./breaker.ts";
import { BreakerSet, type BreakerSetSettings } from "./breakers.ts";

// Every interleaving of requests, results (late, doubled, lost) and time, held against a model that is written with
// other means: mutable, with its own count of openings per breaker, and without any forgetting.

const endpoint = "gpu";
const modelNames = [undefined, "llama", "qwen", "gemma"] as const;
type ModelName = (typeof modelNames)[number];
/** So many that nobody looks at each. */
const candidates = Array.from({ length: 40 }, (_, index) => ({
  ...sampleCandidate(index % 8 < 4 ? endpoint : `other-${index}`),
  model: modelNames[index % 4],
}));
const placeOf = ({ endpoint: { name }, model }: Candidate) => `${name} ${model}`;
type End = AttemptFailureKind | "success" | "neutral";

interface Role {
  readonly isTrial: boolean;
  readonly generation: number;
}

class SimpleBreaker {
  phase: "closed" | "open" | "half-open" = "closed";
  failures = 0;
  openedAt = 0;
  /** Counts openings: a result from an earlier one is late. */
  generation = 0;
  trial: { readonly ticket: SimpleTicket; readonly startedAt: number } | undefined = undefined;

  isBlocked(now: number, settings: BreakerSetSettings): boolean {
    if (this.phase === "open") return now <= this.openedAt + settings.openMs;
    if (this.phase === "half-open" && this.trial) return now <= this.trial.startedAt + settings.trialLossMs;
    return false;
  }

  enter(ticket: SimpleTicket, now: number): Role {
    if (this.phase === "closed") return { isTrial: false, generation: this.generation };
    this.phase = "half-open";
    this.trial = { ticket, startedAt: now };
    return { isTrial: true, generation: this.generation };
  }

  isCurrent(ticket: SimpleTicket, role: Role): boolean {
    if (role.isTrial) return this.phase === "half-open" && this.trial?.ticket === ticket;
    return this.phase === "closed" && role.generation === this.generation;
  }

  end(event: "success" | "failure" | "neutral", now: number, threshold: number): void {
    const wasTrial = this.phase === "half-open";
    this.trial = undefined;
    if (event === "neutral") return;
    if (event === "success") {
      this.phase = "closed";
      this.failures = 0;
      return;
    }
    this.failures += 1;
    if (!wasTrial && this.failures < threshold) return;
    this.phase = "open";
    this.openedAt = now;
    this.generation += 1;
  }

  closeOnProbation(threshold: number): Role {
    this.phase = "closed";
    this.trial = undefined;
    this.failures = threshold - 1;
    return { isTrial: false, generation: this.generation };
  }
}

class SimpleTicket {
  readonly model: ModelName;
  own: Role | undefined = undefined;
  ofModel: Role | undefined = undefined;
  hasEnded = false;

  constructor(model: ModelName) {
    this.model = model;
  }
}

class SimpleSet {
  readonly settings: BreakerSetSettings;
  readonly own = new SimpleBreaker();
  readonly models = new Map<ModelName, SimpleBreaker>();
  readonly tickets: SimpleTicket[] = [];
  suspicions: SimpleTicket[] = [];
  now = 0;

  constructor(settings: BreakerSetSettings) {
    this.settings = settings;
  }

  breakersOf(model: ModelName): SimpleBreaker[] {
    return model === undefined ? [this.own] : [this.own, this.ofModel(model)];
  }

  ofModel(model: ModelName): SimpleBreaker {
    const known = this.models.get(model) ?? new SimpleBreaker();
    this.models.set(model, known);
    return known;
  }

  isBlocked(model: ModelName): boolean {
    return this.breakersOf(model).some((breaker) => breaker.isBlocked(this.now, this.settings));
  }

  enter(model: ModelName): SimpleTicket {
    const ticket = new SimpleTicket(model);
    ticket.own = this.own.enter(ticket, this.now);
    if (model !== undefined) ticket.ofModel = this.ofModel(model).enter(ticket, this.now);
    return ticket;
  }

  suspect(model: ModelName): void {
    const ticket = new SimpleTicket(model);
    ticket.own = { isTrial: false, generation: this.own.generation };
    if (model !== undefined) ticket.ofModel = { isTrial: false, generation: this.ofModel(model).generation };
    this.suspicions.push(ticket);
  }

  end(ticket: SimpleTicket, how: End): void {
    if (ticket.hasEnded) return;
    ticket.hasEnded = true;
    const isFailure = how !== "success" && how !== "neutral";
    const blamesModel = (how === "server-error" || how === "stream") && ticket.model !== undefined;
    const { failureThreshold } = this.settings;
    const settle = (breaker: SimpleBreaker, role: Role | undefined, isBlamed: boolean): void => {
      if (role === undefined || !breaker.isCurrent(ticket, role)) return;
      const failed = isBlamed ? "failure" : "neutral";
      breaker.end(isFailure ? failed : how, this.now, failureThreshold);
    };
    if (ticket.model !== undefined) settle(this.ofModel(ticket.model), ticket.ofModel, blamesModel);
    const blocked = [...this.models.values()].filter((breaker) => breaker.isBlocked(this.now, this.settings));
    settle(this.own, ticket.own, !blamesModel || blocked.length >= 2);
  }

  answered(ticket: SimpleTicket): void {
    if (ticket.hasEnded) return;
    const { own, ofModel, model } = ticket;
    const { failureThreshold } = this.settings;
    if (own?.isTrial && this.own.isCurrent(ticket, own)) {
      ticket.own = this.own.closeOnProbation(failureThreshold);
    }
    if (ofModel?.isTrial && this.ofModel(model).isCurrent(ticket, ofModel)) {
      ticket.ofModel = this.ofModel(model).closeOnProbation(failureThreshold);
    }
  }
}

interface Real {
  readonly breakers: BreakerSet;
  readonly clock: FakeClock;
  readonly changes: BreakerTransition[];
  /** In step with the model's tickets. */
  readonly passes: BreakerPass[];
  /** Trials that were let in and have neither ended nor begun to answer, per breaker. */
  readonly trials: {
    readonly pass: BreakerPass;
    readonly breaker: ModelName | "endpoint";
    readonly at: number;
  }[];
}

type Step = fc.Command<SimpleSet, Real>;

/** What must hold at any time, said without the model where it can be. */
function checkEverything(model: SimpleSet, real: Real): void {
  const { settings } = model;
  for (const name of modelNames) {
    const block = real.breakers.blockOf(endpoint, name);
    expect(block !== undefined).toBe(model.isBlocked(name));
    if (block === undefined) continue;
    expect(block.endpoint).toBe(endpoint);
    expect([undefined, name]).toContain(block.model as ModelName);
    expect(block.retryAt).toBeWithin(model.now, model.now + settings.openMs + 1);
  }
  const unblocked = candidates.filter(
    (candidate) => candidate.endpoint.name !== endpoint || !model.isBlocked(candidate.model),
  );
  expect(real.breakers.unblocked(candidates).map(placeOf)).toEqual(unblocked.map(placeOf));
  const status = real.breakers.stateOf(endpoint);
  const isOpen = model.own.phase === "open" && model.own.isBlocked(model.now, settings);
  expect(status.state === "open").toBe(isOpen);
  expect(status.state === "closed").toBe(model.own.phase === "closed");
  expect(real.breakers.openEndpoints()).toBe(isOpen ? 1 : 0);
  const restless = [...model.models]
    .filter(([, breaker]) => breaker.phase !== "closed")
    .map(([name]) => name);
  expect(status.models.map((entry) => entry.model).sort()).toEqual(restless.map(String).sort());
  expect(real.breakers.census().models).toBeLessThanOrEqual(modelNames.length - 1);
  checkTransitions(real, settings);
}

/** Each breaker's changes form one chain that begins closed and ends where the breaker stands. */
function checkTransitions(real: Real, settings: BreakerSetSettings): void {
  const phases = new Map<string | undefined, string>();
  for (const change of real.changes) {
    expect(change.from).toBe((phases.get(change.model) ?? "closed") as typeof change.from);
    expect(change.to).not.toBe(change.from);
    expect(change.retryAt !== undefined).toBe(change.to === "open");
    if (change.to === "open") expect(change.failures).toBeGreaterThanOrEqual(settings.failureThreshold);
    phases.set(change.model, change.to);
  }
}

class Enter implements Step {
  readonly #name: ModelName;

  constructor(name: ModelName) {
    this.#name = name;
  }

  check(): boolean {
    return true;
  }

  run(model: SimpleSet, real: Real): void {
    const before = real.breakers.stateOf(endpoint);
    const pass = real.breakers.admit(endpoint, this.#name);
    expect(pass === undefined).toBe(model.isBlocked(this.#name));
    if (pass === undefined) {
      expect(real.breakers.stateOf(endpoint)).toEqual(before);
      return;
    }
    if (before.state !== "closed") this.#addTrial(model, real, pass, "endpoint");
    if (before.models.some((entry) => entry.model === this.#name))
      this.#addTrial(model, real, pass, this.#name);
    real.passes.push(pass);
    model.tickets.push(model.enter(this.#name));
    checkEverything(model, real);
  }

  #addTrial(model: SimpleSet, real: Real, pass: BreakerPass, breaker: ModelName | "endpoint"): void {
    const rivals = real.trials.filter(
      (trial) => trial.breaker === breaker && model.now <= trial.at + model.settings.trialLossMs,
    );
    expect(rivals).toEqual([]);
    real.trials.push({ pass, breaker, at: model.now });
  }

  toString(): string {
    return `enter(${this.#name ?? ""})`;
  }
}

class Finish implements Step {
  readonly #pick: number;
  readonly #how: End | "answered";

  constructor(pick: number, how: End | "answered") {
    this.#pick = pick;
    this.#how = how;
  }

  check(model: Readonly<SimpleSet>): boolean {
    return model.tickets.length > 0;
  }

  run(model: SimpleSet, real: Real): void {
    // Counted from the latest, so that most picks meet a request under way and some an old one, ended or lost.
    const index = model.tickets.length - 1 - (this.#pick % model.tickets.length);
    const ticket = model.tickets[index];
    const pass = real.passes[index];
    if (ticket === undefined || pass === undefined) throw new Error("tickets and passes are out of step");
    const hadEnded = ticket.hasEnded;
    const changesBefore = real.changes.length;
    if (this.#how === "answered") {
      model.answered(ticket);
      pass.answered();
    } else {
      model.end(ticket, this.#how);
      if (this.#how === "success") pass.success();
      else if (this.#how === "neutral") pass.neutral();
      else pass.failure(this.#how);
    }
    if (hadEnded) expect(real.changes).toHaveLength(changesBefore);
    const others = real.trials.filter((trial) => trial.pass !== pass);
    real.trials.splice(0, real.trials.length, ...others);
    checkEverything(model, real);
  }

  toString(): string {
    return `finish(${this.#pick}, ${this.#how})`;
  }
}

class Advance implements Step {
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  check(): boolean {
    return true;
  }

  run(model: SimpleSet, real: Real): void {
    model.now += this.#ms;
    real.clock.advance(this.#ms);
    checkEverything(model, real);
  }

  toString(): string {
    return `advance(${this.#ms})`;
  }
}

class Suspect implements Step {
  readonly #name: ModelName;

  constructor(name: ModelName) {
    this.#name = name;
  }

  check(): boolean {
    return true;
  }

  run(model: SimpleSet, real: Real): void {
    model.suspect(this.#name);
    real.breakers.noteSuspicion(endpoint, this.#name);
    checkEverything(model, real);
  }

  toString(): string {
    return `suspect(${this.#name ?? ""})`;
  }
}

class Probe implements Step {
  readonly #hasFailed: boolean;

  constructor(hasFailed: boolean) {
    this.#hasFailed = hasFailed;
  }

  check(): boolean {
    return true;
  }

  run(model: SimpleSet, real: Real): void {
    for (const ticket of model.suspicions) if (this.#hasFailed) model.end(ticket, "server-error");
    model.suspicions = [];
    real.breakers.settleSuspicion(endpoint, this.#hasFailed);
    checkEverything(model, real);
  }

  toString(): string {
    return `probe(${this.#hasFailed ? "failed" : "well"})`;
  }
}

/** Steps that mean something only together, and that chance would seldom put in a row. */
class Sequence implements Step {
  readonly #steps: readonly Step[];

  constructor(...steps: readonly Step[]) {
    this.#steps = steps;
  }

  check(): boolean {
    return true;
  }

  run(model: SimpleSet, real: Real): void {
    for (const step of this.#steps) if (step.check(model)) step.run(model, real);
  }

  toString(): string {
    return this.#steps.map(String).join(" ");
  }
}

/** However it went: left alone for long enough, everything is admitted again, one trial at a time, and can be made well. */
function checkRecovery(model: SimpleSet, real: Real): void {
  real.clock.advance(Math.max(model.settings.openMs, model.settings.trialLossMs) + 1);
  for (const name of modelNames) expect(real.breakers.blockOf(endpoint, name)).toBeUndefined();
  for (const name of modelNames) {
    const pass = real.breakers.admit(endpoint, name);
    expect(pass).toBeDefined();
    pass?.success();
  }
  expect(real.breakers.stateOf(endpoint)).toEqual({ state: "closed", retryAt: undefined, models: [] });
}

const openTimes = [100, 40] as const;

test.each(openTimes)(
  "in any interleaving the breakers (open for %d ms) do what a simple model does, and recover",
  (openMs) => {
    const name = fc.constantFrom(...modelNames);
    const ends = [
      "connection",
      "timeout",
      "server-error",
      "stream",
      "success",
      "neutral",
      "answered",
    ] as const;
    const pick = fc.oneof(
      { weight: 4, arbitrary: fc.nat({ max: 3 }) },
      { weight: 1, arbitrary: fc.nat({ max: 30 }) },
    );
    const enter = name.map((value) => new Enter(value));
    const finish = fc.tuple(pick, fc.constantFrom(...ends)).map(([index, how]) => new Finish(index, how));
    const ruin = fc
      .tuple(fc.nat({ max: 2 }), fc.constantFrom("connection" as const, "server-error" as const))
      .map(([index, how]) => new Finish(index, how));
    const healed = name.map(
      (value) =>
        new Sequence(
          new Advance(101),
          new Enter(value),
          new Finish(0, "success"),
          new Enter(value),
          new Finish(0, "success"),
        ),
    );
    const lostTrial = name.map(
      (value) =>
        new Sequence(
          new Advance(101),
          new Enter(value),
          new Advance(61),
          new Enter(value),
          new Finish(1, "answered"),
          new Finish(0, "answered"),
        ),
    );
    const steps = [
      healed,
      lostTrial,
      enter,
      enter,
      enter,
      finish,
      finish,
      ruin,
      fc.constantFrom(0, 1, 10, 40, 41, 60, 61, 100, 101).map((ms) => new Advance(ms)),
      name.map((value) => new Suspect(value)),
      fc.boolean().map((hasFailed) => new Probe(hasFailed)),
    ];
    const commands = fc.commands(steps, { maxCommands: 120, size: "max" });
    const threshold = fc.constantFrom(1, 2, 3);
    fc.assert(
      fc.property(commands, threshold, (list, failureThreshold) => {
        const settings = { failureThreshold, openMs, failureRate: 0, windowMs: 1_000, trialLossMs: 60 };
        const clock = createFakeClock();
        const changes: BreakerTransition[] = [];
        const breakers = new BreakerSet({ settings, clock, onTransition: (change) => changes.push(change) });
        const model = new SimpleSet(settings);
        const real: Real = { breakers, clock, changes, passes: [], trials: [] };
        fc.modelRun(() => ({ model, real }), list);
        checkRecovery(model, real);
      }),
      { numRuns: 600 },
    );
  },
);
