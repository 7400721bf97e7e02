import type { Endpoint } from "../../endpoints/endpoint.ts";
import type { Clock } from "../../lib/clock.ts";
import { foldModelName, type LoadedModel } from "./loaded-model.ts";

/** `warm`: has the model in memory, or is loading it. `occupied`: has others instead. `neutral`: has none, or nobody knows. */
export type Warmth = "warm" | "neutral" | "occupied";

/** One request on its way, from its sending to the head of its answer. */
export interface SentNote {
  /** To be called once. @param isServed the endpoint answered with a success, so it has the model */
  settle(isServed: boolean): void;
}

/** What an endpoint must have loaded, because somebody was sent there for it. */
interface Expectation {
  /** Requests that wait for their answer: as long as there are some, no look from outside says otherwise. */
  pending: number;
  /** Monotonic. */
  notedAt: number;
}

/** An endpoint that has said what it has. */
interface Place {
  /** As it said. */
  models: readonly LoadedModel[];
  /** Of `models`, folded, other names included. */
  names: ReadonlySet<string>;
  /** By folded name, the longest unheard of first. */
  readonly expected: Map<string, Expectation>;
  /** Monotonic. */
  lastSentAt: number;
}

export interface LoadedModelsOptions {
  readonly clock: Clock;
  /** An endpoint has answered for a model that it did not have when it was last asked. */
  readonly onNews: (endpointName: string) => void;
}

/** More than any machine holds; names come from clients. */
const maxExpected = 64;

/**
 * What each endpoint has in memory, as far as is known: what it said when it was asked, and since then what it was
 * sent. Nothing is believed of endpoints that have never said anything. Synchronous: requests read it.
 */
export class LoadedModels {
  readonly #options: LoadedModelsOptions;
  readonly #places = new Map<string, Place>();
  #edition = 0;

  constructor(options: LoadedModelsOptions) {
    this.#options = options;
  }

  /** @param model as the endpoint is asked for it, in any spelling */
  warmthAt(endpoint: Endpoint, model: string): Warmth {
    if (endpoint.profile.loadedModels === "always") return "warm";
    const place = this.#places.get(endpoint.name);
    if (place === undefined) return "neutral";
    const name = foldModelName(model);
    if (place.names.has(name) || place.expected.has(name)) return "warm";
    return place.names.size > 0 || place.expected.size > 0 ? "occupied" : "neutral";
  }

  /** Another number whenever `warmthAt` may say something else than before. */
  get edition(): number {
    return this.#edition;
  }

  /** Milliseconds since something was last sent there; Infinity when nothing ever was. */
  idleMs(endpointName: string): number {
    const sentAt = this.#places.get(endpointName)?.lastSentAt ?? Number.NEGATIVE_INFINITY;
    return this.#options.clock.now() - sentAt;
  }

  /** As the endpoint last said it; undefined where it has not, or not lately. */
  modelsAt(endpointName: string): readonly LoadedModel[] | undefined {
    return this.#places.get(endpointName)?.models;
  }

  /** A request is about to be sent: whoever chooses next should know already. */
  noteChosen(endpoint: Endpoint, model: string): void {
    const place = this.#places.get(endpoint.name);
    if (place !== undefined) this.#expect(place, foldModelName(model));
  }

  /** A request is being sent. Undefined where there is nothing to learn from it. */
  noteSent(endpoint: Endpoint, model: string): SentNote | undefined {
    const place = this.#places.get(endpoint.name);
    if (place === undefined) return undefined;
    const name = foldModelName(model);
    const expectation = this.#expect(place, name);
    expectation.pending += 1;
    return {
      settle: (isServed) => {
        expectation.pending -= 1;
        if (isServed) {
          this.#expect(place, name);
          if (!place.names.has(name)) this.#options.onNews(endpoint.name);
        } else if (expectation.pending === 0 && place.expected.get(name) === expectation) {
          this.#unexpect(place, name);
        }
      },
    };
  }

  /** The endpoint said what it has. @param askedAt monotonic: what was sent after that is not in it */
  accept(endpointName: string, models: readonly LoadedModel[], askedAt: number): void {
    const names = new Set(
      models.flatMap(({ name, otherNames = [] }) => [name, ...otherNames].map(foldModelName)),
    );
    const place = this.#places.get(endpointName);
    if (place === undefined) {
      const lastSentAt = Number.NEGATIVE_INFINITY;
      this.#edition += 1;
      this.#places.set(endpointName, { models, names, expected: new Map(), lastSentAt });
      return;
    }
    place.models = models;
    if (names.symmetricDifference(place.names).size > 0) this.#edition += 1;
    place.names = names;
    for (const [name, { pending, notedAt }] of place.expected) {
      if (pending === 0 && notedAt < askedAt) this.#unexpect(place, name);
    }
  }

  /** The endpoint is gone, was away, or does not say any more. */
  forget(endpointName: string): void {
    if (this.#places.delete(endpointName)) this.#edition += 1;
  }

  #expect(place: Place, name: string): Expectation {
    const { expected } = place;
    const now = this.#options.clock.now();
    const expectation = expected.get(name) ?? { pending: 0, notedAt: now };
    expectation.notedAt = now;
    place.lastSentAt = now;
    // To the end of the order.
    if (!expected.delete(name) && !place.names.has(name)) this.#edition += 1;
    expected.set(name, expectation);
    if (expected.size > maxExpected) this.#dropOldest(place);
    return expectation;
  }

  #unexpect(place: Place, name: string): void {
    place.expected.delete(name);
    if (!place.names.has(name)) this.#edition += 1;
  }

  #dropOldest(place: Place): void {
    for (const [name, { pending }] of place.expected) {
      if (pending > 0) continue;
      this.#unexpect(place, name);
      return;
    }
  }
}
