import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import { readAnswerError } from "../answer-error.ts";
import type { AnswerEvent } from "../chat-answer.ts";
import { createSseReader, type SseReader } from "../sse-reader.ts";
import { filledText, objectsOf } from "../wire.ts";
import { readContent } from "./decode-answer.ts";
import { readFinish, readUsage } from "./finish.ts";
import { ToolCallPieces } from "./tool-call-pieces.ts";

type Sink = (event: AnswerEvent) => void;

/**
 * Reads a stream of chat completion chunks, cut anywhere. Tells the usage last but for the end, whenever the endpoint
 * said it, and the end when the endpoint has ended its stream: with `[DONE]`, or after a `finish_reason`. A stream that
 * had neither was cut, whoever says otherwise.
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class ChatStreamDecoder {
  readonly #sink: Sink;
  readonly #reader: SseReader;
  readonly #calls: ToolCallPieces;
  #usage: AnswerEvent | undefined;
  /** The last choice that gave a reason to end. */
  #lastChoice: JsonObject | undefined;
  #hasModel = false;
  #hasSpoken = false;
  #hasEnded = false;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#calls = new ToolCallPieces(sink);
    this.#reader = createSseReader({
      onEvent: ({ event, data }) => this.#read(event, data),
      onUnknownField: (field, value) => {
        // llama.cpp until late 2025.
        if (field === "error") this.#fail(parseJson(value) ?? value);
      },
      onTooLong: () => this.#fail("The endpoint sent an event that is too long"),
    });
  }

  push(chunk: Uint8Array): void {
    if (!this.#hasEnded) this.#reader.push(chunk);
  }

  /** Nothing more will come. */
  end(): void {
    // Some servers leave the empty line after the last event away.
    if (!this.#hasEnded) this.#reader.end();
    if (this.#hasEnded) return;
    if (this.#lastChoice === undefined) this.#fail("The endpoint's answer stopped before its end");
    else this.#finish();
  }

  #read(name: string | undefined, data: string): void {
    if (this.#hasEnded) return;
    const chunk = parseJson(data);
    if (isObject(chunk) && name !== "error" && !isError(chunk)) this.#readChunk(chunk);
    else if (isObject(chunk) || name === "error") this.#fail(chunk ?? data);
    else if (data.trim() === "[DONE]") this.#finish();
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#calls.end();
    if (this.#usage !== undefined) this.#sink(this.#usage);
    this.#sink({ kind: "finish", finish: readFinish(this.#lastChoice ?? {}, this.#calls.count > 0) });
  }

  #fail(reported: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sink({ kind: "error", error: readAnswerError(reported, "The endpoint reported an error") });
  }

  #readChunk(chunk: JsonObject): void {
    if (!this.#hasModel) this.#readModel(chunk);
    if (isObject(chunk.usage)) this.#readUsage(chunk.usage);
    const [choice] = Array.isArray(chunk.choices) ? chunk.choices : [];
    if (!isObject(choice)) return;
    if (isObject(choice.delta)) this.#readDelta(choice.delta);
    if (filledText(choice.finish_reason) !== undefined) this.#lastChoice = choice;
  }

  #readModel({ model: said }: JsonObject): void {
    const model = filledText(said);
    if (model === undefined) return;
    this.#hasModel = true;
    this.#sink({ kind: "model", model });
  }

  #readUsage(said: JsonObject): void {
    const usage = readUsage(said);
    if (usage === undefined) return;
    this.#usage = { kind: "usage", usage };
    if (!this.#hasSpoken) this.#sink(this.#usage);
  }

  #readDelta(delta: JsonObject): void {
    const reasoning = filledText(delta.reasoning_content) ?? filledText(delta.reasoning);
    if (reasoning !== undefined) this.#say("reasoning", reasoning);
    const text = readContent(delta.content);
    if (text !== undefined) this.#say("text", text);
    const refusal = filledText(delta.refusal);
    if (refusal !== undefined) this.#say("refusal", refusal);
    if (delta.tool_calls !== undefined) {
      for (const piece of objectsOf(delta.tool_calls)) this.#readCall(piece);
    }
    if (isObject(delta.function_call)) this.#readCall({ index: 0, function: delta.function_call });
  }

  #say(kind: "reasoning" | "text" | "refusal", text: string): void {
    this.#hasSpoken = true;
    this.#sink({ kind, text });
  }

  #readCall(piece: JsonObject): void {
    this.#hasSpoken = true;
    this.#calls.push(piece);
  }
}

function isError(chunk: JsonObject): boolean {
  return Boolean(chunk.error) || chunk.object === "error" || chunk.type === "error";
}
