import { isObject, type JsonObject, parseJson } from "../../../lib/json.ts";
import { readAnswerError } from "../../answer-error.ts";
import { createToolCallId } from "../../answer-ids.ts";
import type { AnswerEvent } from "../../chat-answer.ts";
import type { AnswerDecoder } from "../../endpoint-dialect.ts";
import { parseJsonExactly } from "../../exact-json.ts";
import { createSseReader, type SseReader } from "../../sse-reader.ts";
import { filledText } from "../../wire.ts";
import { statusOfErrorType } from "../error-type.ts";
import { readFinish, readUsage } from "./finish.ts";

type Sink = (event: AnswerEvent) => void;

/** A call whose arguments are being told. */
interface OpenCall {
  readonly index: number;
  /** What the block began with, for servers that say everything at once. */
  readonly input: unknown;
  hasSpoken: boolean;
}

/**
 * Reads a stream of the Messages API, cut anywhere. A stream that has neither a `message_stop` nor a `stop_reason` was
 * cut, whoever says otherwise.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export class AnthropicStreamDecoder implements AnswerDecoder {
  readonly #sink: Sink;
  readonly #reader: SseReader;
  readonly #calls = new Map<unknown, OpenCall>();
  readonly #callIds = new Set<string>();
  /** Of the beginning, and what the end says instead. */
  #usage: JsonObject = {};
  /** The latest `delta` of the message itself. */
  #last: JsonObject | undefined;
  #hasEnded = false;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#reader = createSseReader({
      onEvent: ({ event, data }) => this.#read(event, data),
      onUnknownField: (field, value) => {
        if (field === "error") this.#fail(parseJson(value) ?? value);
      },
      onTooLong: () => this.#fail("The endpoint sent an event that is too long"),
    });
  }

  push(chunk: Uint8Array): void {
    if (!this.#hasEnded) this.#reader.push(chunk);
  }

  end(): void {
    // Some servers leave the empty line after the last event away.
    if (!this.#hasEnded) this.#reader.end();
    if (this.#hasEnded) return;
    if (filledText(this.#last?.stop_reason) === undefined) {
      this.#fail("The endpoint's answer stopped before its end");
    } else this.#finish();
  }

  #read(name: string | undefined, data: string): void {
    if (this.#hasEnded) return;
    const event = parseJson(data);
    if (!isObject(event)) {
      if (name === "error") this.#fail(data);
      return;
    }
    const type = filledText(event.type) ?? name ?? "";
    if (type === "error" || event.error) this.#fail(event);
    // Numbers of any length are kept in what a call begins with.
    else if (type === "content_block_start") this.#open(parseJsonExactly(data));
    else this.#readEvent(type, event);
  }

  #readEvent(type: string, event: JsonObject): void {
    switch (type) {
      case "message_start":
        if (isObject(event.message)) this.#begin(event.message);
        return;
      case "content_block_delta":
        if (isObject(event.delta)) this.#readDelta(event.index, event.delta);
        return;
      case "content_block_stop":
        this.#close(event.index);
        return;
      case "message_delta":
        if (isObject(event.delta)) this.#last = { ...this.#last, ...event.delta };
        if (isObject(event.usage)) this.#usage = { ...this.#usage, ...withoutNothing(event.usage) };
        return;
      case "message_stop":
        this.#finish();
    }
  }

  #begin({ model: said, usage }: JsonObject): void {
    const model = filledText(said);
    if (model !== undefined) this.#sink({ kind: "model", model });
    if (isObject(usage)) this.#usage = withoutNothing(usage);
    this.#tellUsage();
  }

  #open(event: unknown): void {
    if (!isObject(event) || !isObject(event.content_block)) return;
    const { type, text, thinking, name: said, id: given, input } = event.content_block;
    if (type === "text") this.#say("text", text);
    if (type === "thinking") this.#say("reasoning", thinking);
    const name = filledText(said);
    if (type !== "tool_use" || name === undefined) return;
    const wanted = filledText(given);
    // Clients find a result's call by its id, so no two may have the same one.
    const id = wanted === undefined || this.#callIds.has(wanted) ? createToolCallId() : wanted;
    const index = this.#callIds.size;
    this.#callIds.add(id);
    this.#calls.set(event.index, { index, input, hasSpoken: false });
    this.#sink({ kind: "tool-call", index, id, name });
  }

  #readDelta(place: unknown, delta: JsonObject): void {
    switch (delta.type) {
      case "text_delta":
        this.#say("text", delta.text);
        return;
      case "thinking_delta":
        this.#say("reasoning", delta.thinking);
        return;
      case "input_json_delta": {
        const call = this.#calls.get(place);
        const text = filledText(delta.partial_json);
        if (call === undefined || text === undefined) return;
        call.hasSpoken = true;
        this.#sink({ kind: "tool-arguments", index: call.index, text });
      }
    }
  }

  #say(kind: "text" | "reasoning", said: unknown): void {
    const text = filledText(said);
    if (text !== undefined) this.#sink({ kind, text });
  }

  /** A call without arguments has an empty object of them. */
  #close(place: unknown): void {
    const call = this.#calls.get(place);
    this.#calls.delete(place);
    if (call === undefined || call.hasSpoken) return;
    const text = isObject(call.input) ? JSON.stringify(call.input) : "{}";
    this.#sink({ kind: "tool-arguments", index: call.index, text });
  }

  #tellUsage(): void {
    const usage = readUsage(this.#usage);
    if (usage !== undefined) this.#sink({ kind: "usage", usage });
  }

  #finish(): void {
    this.#hasEnded = true;
    for (const place of [...this.#calls.keys()]) this.#close(place);
    this.#tellUsage();
    this.#sink({ kind: "finish", finish: readFinish(this.#last ?? {}, this.#callIds.size > 0) });
  }

  #fail(reported: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const error = readAnswerError(reported, "The endpoint reported an error");
    const detail = isObject(reported) && isObject(reported.error) ? reported.error : {};
    const status = error.status ?? statusOfErrorType(detail.type);
    this.#sink({ kind: "error", error: { ...error, status } });
  }
}

/** Some servers name all counts and give only those that they know. */
function withoutNothing(usage: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
}
