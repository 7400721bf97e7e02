import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import { createSseReader } from "../sse-reader.ts";
import { filledText } from "../wire.ts";

/** What a stream of the Messages API has said. */
export interface CollectedMessage {
  /** As a whole answer would have had it; an error instead where the stream reported one. */
  readonly body: JsonObject | undefined;
  readonly isComplete: boolean;
}

/** Puts the events of a stream of the Messages API together again. Never throws. */
export function collectMessage(stream: Uint8Array): CollectedMessage {
  const collected = new MessageParts();
  const ignore = () => {};
  const reader = createSseReader({
    onEvent: ({ data }) => {
      const event = parseJson(data);
      if (isObject(event)) collected.push(event);
    },
    onUnknownField: ignore,
    onTooLong: ignore,
  });
  reader.push(stream);
  reader.end();
  return collected.read();
}

interface Block {
  readonly start: JsonObject;
  text: string;
  thinking: string;
  json: string;
  signature: string | undefined;
}

class MessageParts {
  #message: JsonObject | undefined;
  #last: JsonObject = {};
  #usage: JsonObject = {};
  #error: JsonObject | undefined;
  #isComplete = false;
  readonly #blocks = new Map<unknown, Block>();

  push(event: JsonObject): void {
    switch (event.type) {
      case "message_start":
        this.#message = isObject(event.message) ? event.message : undefined;
        return;
      case "content_block_start":
        if (isObject(event.content_block)) this.#open(event.index, event.content_block);
        return;
      case "content_block_delta":
        if (isObject(event.delta)) this.#grow(event.index, event.delta);
        return;
      case "message_delta":
        if (isObject(event.delta)) this.#last = event.delta;
        if (isObject(event.usage)) this.#usage = event.usage;
        return;
      case "message_stop":
        this.#isComplete = true;
        return;
      case "error":
        this.#error = event;
    }
  }

  read(): CollectedMessage {
    if (this.#message === undefined) return { body: this.#error, isComplete: false };
    const usage = isObject(this.#message.usage) ? this.#message.usage : {};
    const body = {
      ...this.#message,
      content: [...this.#blocks.values()].map(finishBlock),
      ...this.#last,
      usage: { ...usage, ...this.#usage },
      ...(this.#error && { error: this.#error.error }),
    };
    return { body, isComplete: this.#isComplete && this.#error === undefined };
  }

  #open(index: unknown, start: JsonObject): void {
    const text = filledText(start.text) ?? "";
    const thinking = filledText(start.thinking) ?? "";
    this.#blocks.set(index, { start, text, thinking, json: "", signature: undefined });
  }

  #grow(index: unknown, delta: JsonObject): void {
    const block = this.#blocks.get(index);
    if (block === undefined) return;
    block.text += filledText(delta.text) ?? "";
    block.thinking += filledText(delta.thinking) ?? "";
    block.json += filledText(delta.partial_json) ?? "";
    block.signature = filledText(delta.signature) ?? block.signature;
  }
}

function finishBlock({ start, text, thinking, json, signature }: Block): JsonObject {
  switch (start.type) {
    case "text":
      return { ...start, text };
    case "thinking":
      return { ...start, thinking, ...(signature !== undefined && { signature }) };
    default:
      return json === "" ? start : { ...start, input: parseJson(json) ?? json };
  }
}
