import { LRUCache } from "lru-cache";
import type { AnswerContext } from "../chat-dialect.ts";
import type { JsonObject } from "../wire.ts";
import type { DecodedResponsesRequest } from "./decode-request.ts";

/** What was said in a conversation, up to one response and with it: the items of all inputs and outputs. */
export type ConversationItems = readonly JsonObject[];

/**
 * Conversations that a later request may go on from by `previous_response_id`. Only of responses that Olla translated:
 * endpoints that speak the API themselves keep their own. The longest unused go first.
 */
export class ResponseStore {
  readonly #conversations: LRUCache<string, ConversationItems>;

  /** @param maxBytes of JSON, all conversations together */
  constructor({ maxCount, maxBytes }: { readonly maxCount: number; readonly maxBytes: number }) {
    this.#conversations = new LRUCache({
      max: maxCount,
      maxSize: maxBytes,
      sizeCalculation: (items) => Math.max(1, JSON.stringify(items).length),
    });
  }

  find(responseId: string): ConversationItems | undefined {
    return this.#conversations.get(responseId);
  }

  keep(responseId: string, items: ConversationItems): void {
    this.#conversations.set(responseId, items);
  }
}

/** Unless the client wants nothing stored. @param output items as the client saw them */
export function keepConversation(
  responseId: string,
  output: ConversationItems,
  { body, kept }: AnswerContext<DecodedResponsesRequest>,
  store: ResponseStore,
): void {
  if (body.store !== false) store.keep(responseId, [...kept.conversation, ...output]);
}
