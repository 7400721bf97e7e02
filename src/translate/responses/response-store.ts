import { LRUCache } from "lru-cache";
import { isObject, type JsonObject } from "../../lib/json.ts";
import { filledText, objectsOf } from "../wire.ts";

/** Items of a conversation, in the order in which they were said. */
export type ConversationItems = readonly JsonObject[];

/** One response, and what it was an answer to. */
export interface KeptResponse {
  /** As the client got it. */
  readonly response: JsonObject;
  /** Of its request alone. */
  readonly input: ConversationItems;
  /** The response that it went on from. */
  readonly previousId: string | undefined;
}

interface OwnedResponse {
  readonly kept: KeptResponse;
  readonly prefix: string;
}

export interface StoreLimits {
  readonly maxCount: number;
  /** All responses together, as they lie in memory: estimated. */
  readonly maxBytes: number;
}

/**
 * Responses that a later request may go on from by `previous_response_id`. Only of those that Olla translated:
 * endpoints that speak the API themselves keep their own. Each keeps what it has added to its conversation, and where
 * it went on from, so that a long conversation costs its length once. The longest unused go first; a conversation that
 * has lost one of its responses cannot be gone on with.
 *
 * Owners find nothing of each other, not even by an id that they know.
 */
export class ResponseStore {
  readonly #kept: LRUCache<string, OwnedResponse>;
  /** The response in which an item stands; all ids with their owner's prefix. */
  readonly #places: Map<string, string>;
  readonly #prefix: string;

  /**
   * @param source another store to share everything with but what can be found
   * @param owner whose responses this one keeps and finds
   */
  constructor(source: StoreLimits | ResponseStore, owner = "") {
    // With its length, so that no id can be made to look like another owner's.
    this.#prefix = `${owner.length}:${owner}:`;
    if (source instanceof ResponseStore) {
      this.#kept = source.#kept;
      this.#places = source.#places;
      return;
    }
    const places = new Map<string, string>();
    this.#places = places;
    this.#kept = new LRUCache({
      max: source.maxCount,
      maxSize: source.maxBytes,
      sizeCalculation: ({ kept }) => estimateBytes(kept),
      dispose: ({ kept, prefix }, place) => {
        for (const id of itemIds(kept)) if (places.get(prefix + id) === place) places.delete(prefix + id);
      },
    });
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Estimated. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** Items by which some response could still be found. */
  get itemCount(): number {
    return this.#places.size;
  }

  keep(responseId: string, kept: KeptResponse): void {
    const place = this.#prefix + responseId;
    this.#kept.set(place, { kept, prefix: this.#prefix });
    // Too large to be kept at all.
    if (!this.#kept.has(place)) return;
    for (const id of itemIds(kept)) this.#places.set(this.#prefix + id, place);
  }

  find(responseId: string): KeptResponse | undefined {
    return this.#kept.get(this.#prefix + responseId)?.kept;
  }

  /** Everything said up to a response and with it. Undefined when any of it is gone. */
  findConversation(responseId: string): ConversationItems | undefined {
    const turns: KeptResponse[] = [];
    for (let id: string | undefined = responseId; id !== undefined; ) {
      const kept = this.find(id);
      if (kept === undefined) return undefined;
      turns.push(kept);
      id = kept.previousId;
    }
    return turns.reverse().flatMap(({ input, response }) => [...input, ...objectsOf(response.output)]);
  }

  findItem(itemId: string): JsonObject | undefined {
    const place = this.#places.get(this.#prefix + itemId);
    const kept = place === undefined ? undefined : this.#kept.get(place)?.kept;
    if (kept === undefined) return undefined;
    return [...objectsOf(kept.response.output), ...kept.input].find(({ id }) => id === itemId);
  }

  /** Whether there was such a response. */
  delete(responseId: string): boolean {
    return this.#kept.delete(this.#prefix + responseId);
  }
}

function itemIds({ response, input }: KeptResponse): readonly string[] {
  return [...input, ...objectsOf(response.output)].flatMap(({ id }) => filledText(id) ?? []);
}

/** What a value costs besides the characters in it. */
const valueBytes = 32;

/** Counts values and the lengths of texts, without looking at their characters. */
function estimateBytes(kept: KeptResponse): number {
  let bytes = 0;
  const open: unknown[] = [kept.response, kept.input];
  while (open.length > 0) {
    const value = open.pop();
    bytes += valueBytes;
    if (typeof value === "string") bytes += 2 * value.length;
    else if (Array.isArray(value)) for (const inner of value) open.push(inner);
    else if (isObject(value)) for (const inner of Object.values(value)) open.push(inner);
  }
  return bytes;
}
