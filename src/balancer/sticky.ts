import type { Clock } from "../lib/clock.ts";
import { type AffinityKey, responseKey } from "./affinity-key.ts";
import type { Candidate, Candidates } from "./balancer.ts";
import { type SessionStatistics, SessionStore, type SessionStoreSettings } from "./session-store.ts";

/**
 * How the endpoint of the latest attempt was found. `hit`: it is the conversation's own. `miss`: the conversation had
 * none. `repin`: its own cannot be used now. `disabled`: the request names no conversation.
 */
export type StickyOutcome = "hit" | "miss" | "repin" | "disabled";

export type SelectInner = (candidates: Candidates) => Candidate;

/** One request's part in it, over all its attempts. */
export interface StickyRequest {
  readonly key: AffinityKey | undefined;
  /** Undefined until the first choice. */
  readonly outcome: StickyOutcome | undefined;
  /**
   * The conversation's endpoint if it is among the candidates, else what `selectInner` chooses. Called once per
   * attempt with candidates that may all be used now. What `selectInner` throws passes through, and nothing changes.
   */
  choose(candidates: Candidates, selectInner: SelectInner): Candidate;
  /** The request has been served there: from now on the conversation is its. @param place from `placeOf` */
  commit(place: string): void;
  /** The request has no further attempt. Must be called in the end, whatever came out; may be called after `commit`. */
  release(): void;
}

/** Where requests that are not served yet are being sent, so that others of the same conversation follow. */
interface Bearing {
  /** From `placeOf`. */
  place: string;
  holders: number;
}

/**
 * Sends later turns of a conversation to the endpoint that has its prompt cached. A conversation is bound to what
 * served it and not to what was tried; it moves when another endpoint had to step in.
 */
export class StickySessions {
  readonly #store: SessionStore;
  readonly #bearings = new Map<string, Bearing>();

  constructor(settings: SessionStoreSettings, clock: Clock) {
    this.#store = new SessionStore(settings, clock);
  }

  /** Other limits from now on; conversations stay where they are. */
  configure(settings: SessionStoreSettings): void {
    this.#store.configure(settings);
  }

  /** @param key undefined when nothing identifies the conversation: then every choice is the balancer's. */
  begin(key: AffinityKey | undefined): StickyRequest {
    return key === undefined ? new UnnamedRequest() : new NamedRequest(key, this.#store, this.#bearings);
  }

  /**
   * An endpoint gave an answer that the Responses API may refer back to.
   * @param model as the client asked for it, because the next turn is looked up under that name
   * @param place from `placeOf`
   * @param owner the name of the client's key, if it has one
   */
  noteResponse(responseId: string, model: string | undefined, place: string, owner?: string): void {
    this.#store.bind(responseKey(responseId, model, owner), place);
  }

  /**
   * Called when an endpoint went out of routing or the configuration changed, not when one is merely busy.
   * @returns how many conversations lost their endpoint
   */
  purgeEndpoints(isUsable: (endpointName: string) => boolean): number {
    return this.#store.purgeEndpoints((place) => isUsable(endpointOf(place)));
  }

  statistics(): SessionStatistics {
    return this.#store.statistics();
  }

  /** Conversations with a first answer still outstanding; 0 when nothing is under way. */
  get pendingCount(): number {
    return this.#bearings.size;
  }
}

class UnnamedRequest implements StickyRequest {
  readonly key = undefined;
  #outcome: StickyOutcome | undefined;

  get outcome(): StickyOutcome | undefined {
    return this.#outcome;
  }

  choose(candidates: Candidates, selectInner: SelectInner): Candidate {
    const candidate = selectInner(candidates);
    this.#outcome = "disabled";
    return candidate;
  }

  commit(): void {
    // Nothing to bind.
  }

  release(): void {
    // Nothing held.
  }
}

class NamedRequest implements StickyRequest {
  readonly key: AffinityKey;
  readonly #store: SessionStore;
  readonly #bearings: Map<string, Bearing>;
  /** What the store said when the latest choice was made. */
  #bound: string | undefined;
  #held: Bearing | undefined;
  #outcome: StickyOutcome | undefined;

  constructor(key: AffinityKey, store: SessionStore, bearings: Map<string, Bearing>) {
    this.key = key;
    this.#store = store;
    this.#bearings = bearings;
  }

  get outcome(): StickyOutcome | undefined {
    return this.#outcome;
  }

  choose(candidates: Candidates, selectInner: SelectInner): Candidate {
    // Only the first lookup of a request counts: statistics are about conversations, not about attempts.
    const { key } = this.key;
    const bound = this.#outcome === undefined ? this.#store.lookUp(key) : this.#store.peek(key);
    const own = bound === undefined ? undefined : chooseAt(bound, candidates, selectInner);
    const candidate = own ?? this.#follow(candidates, selectInner);
    if (own === undefined) this.#head(placeOf(candidate));
    this.#bound = bound;
    this.#outcome = own !== undefined ? "hit" : bound === undefined ? "miss" : "repin";
    return candidate;
  }

  commit(place: string): void {
    const { key } = this.key;
    const current = this.#store.peek(key);
    // Whoever moved the conversation since our choice knew more than we did.
    const isOurs = current === undefined || current === this.#bound;
    if (isOurs && current !== place) this.#store.bind(key, place);
    this.release();
  }

  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    held.holders -= 1;
    if (held.holders === 0) this.#bearings.delete(this.key.key);
  }

  /** Where the conversation's other requests are under way to, else what the balancer says. */
  #follow(candidates: Candidates, selectInner: SelectInner): Candidate {
    const bearing = this.#bearings.get(this.key.key);
    const followed = bearing === undefined ? undefined : chooseAt(bearing.place, candidates, selectInner);
    return followed ?? selectInner(candidates);
  }

  #head(place: string): void {
    const held = this.#held ?? this.#bearings.get(this.key.key) ?? this.#newBearing(place);
    held.place = place;
    if (this.#held === undefined) held.holders += 1;
    this.#held = held;
  }

  #newBearing(place: string): Bearing {
    const bearing = { place, holders: 0 };
    this.#bearings.set(this.key.key, bearing);
    return bearing;
  }
}

/**
 * What a conversation is bound to: the endpoint, and of several models that share the traffic also the model. Another
 * model would answer in another voice, and has nothing of the conversation in its cache.
 */
export function placeOf({ endpoint, model, share }: Candidate): string {
  return share === undefined ? endpoint.name : `${endpoint.name}${modelMark}${model}`;
}

/** In no endpoint's name. */
const modelMark = "\n";

function endpointOf(place: string): string {
  return place.split(modelMark, 1)[0] ?? place;
}

/** The very place, else the same endpoint with another model: there may be several, and then the balancer decides. */
function chooseAt(place: string, candidates: Candidates, selectInner: SelectInner): Candidate | undefined {
  const exact = candidates.find((candidate) => placeOf(candidate) === place);
  if (exact !== undefined) return exact;
  const endpointName = endpointOf(place);
  const [first, ...others] = candidates.filter(({ endpoint }) => endpoint.name === endpointName);
  if (first === undefined) return undefined;
  return others.length === 0 ? first : selectInner([first, ...others]);
}
