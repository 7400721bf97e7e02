import { readAnswerError } from "../answer-error.ts";
import { createToolCallId } from "../answer-ids.ts";
import type { AnswerEvent, Finish } from "../chat-answer.ts";
import { createSseReader, type SseReader } from "../sse-reader.ts";
import { filledText, isObject, type JsonObject, objectsOf, parseJson } from "../wire.ts";
import { readArguments } from "./decode-answer.ts";
import { readFinish, readUsage } from "./finish.ts";

type Sink = (event: AnswerEvent) => void;

interface ToolCall {
  readonly index: number;
  id: string | undefined;
  name: string | undefined;
  /** Said before the call had a name; undefined once the call was announced. */
  early: string | undefined;
}

/**
 * Reads a stream of chat completion chunks, cut anywhere. Tells the usage last but for the end, whenever the endpoint
 * said it, and the end when the endpoint has ended its stream.
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class ChatStreamDecoder {
  readonly #sink: Sink;
  readonly #reader: SseReader;
  readonly #callsByWireIndex = new Map<number, ToolCall>();
  readonly #calls: ToolCall[] = [];
  #usage: AnswerEvent | undefined;
  #finish: Finish | undefined;
  #hasModel = false;
  #hasEnded = false;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#reader = createSseReader(({ event, data }) => this.#read(event, data));
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The stream is over and was whole. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const call of this.#calls) {
      call.id ??= createToolCallId();
      this.#announce(call);
    }
    if (this.#usage !== undefined) this.#sink(this.#usage);
    this.#sink({ kind: "finish", finish: this.#finish ?? { reason: "stop" } });
  }

  #read(name: string | undefined, data: string): void {
    if (this.#hasEnded) return;
    if (data.trim() === "[DONE]") {
      this.end();
      return;
    }
    const chunk = parseJson(data);
    if (name === "error" || (isObject(chunk) && (chunk.error || chunk.object === "error"))) {
      this.#hasEnded = true;
      this.#sink({ kind: "error", error: readAnswerError(chunk ?? data, "The endpoint reported an error") });
      return;
    }
    if (isObject(chunk)) this.#readChunk(chunk);
  }

  #readChunk(chunk: JsonObject): void {
    const model = this.#hasModel ? undefined : filledText(chunk.model);
    if (model !== undefined) {
      this.#hasModel = true;
      this.#sink({ kind: "model", model });
    }
    const usage = readUsage(chunk.usage);
    if (usage !== undefined) this.#usage = { kind: "usage", usage };
    const [choice] = objectsOf(chunk.choices);
    if (choice === undefined) return;
    if (isObject(choice.delta)) this.#readDelta(choice.delta);
    if (filledText(choice.finish_reason) !== undefined) {
      this.#finish = readFinish(choice, this.#calls.length > 0);
    }
  }

  #readDelta(delta: JsonObject): void {
    const reasoning = filledText(delta.reasoning_content) ?? filledText(delta.reasoning);
    if (reasoning !== undefined) this.#sink({ kind: "reasoning", text: reasoning });
    const text = filledText(delta.content);
    if (text !== undefined) this.#sink({ kind: "text", text });
    const refusal = filledText(delta.refusal);
    if (refusal !== undefined) this.#sink({ kind: "refusal", text: refusal });
    for (const piece of objectsOf(delta.tool_calls)) this.#readToolCall(piece);
    if (isObject(delta.function_call)) this.#readToolCall({ index: 0, function: delta.function_call });
  }

  #readToolCall(piece: JsonObject): void {
    const details = isObject(piece.function) ? piece.function : {};
    const id = filledText(piece.id);
    const name = filledText(details.name);
    const call = this.#callOf(piece.index, id, name);
    call.id ??= id;
    call.name ??= name;
    this.#announce(call);
    const given = details.arguments;
    const said = isObject(given) ? readArguments(given) : filledText(given);
    if (said === undefined) return;
    if (call.early === undefined) this.#sink({ kind: "tool-arguments", index: call.index, text: said });
    else call.early += said;
  }

  /** Some servers count no calls, or give each the index 0: then only a new id tells that a new one begins. */
  #callOf(wireIndex: unknown, id: string | undefined, name: string | undefined): ToolCall {
    const last = this.#calls.at(-1);
    const isNumbered = typeof wireIndex === "number";
    const known = isNumbered ? this.#callsByWireIndex.get(wireIndex) : last;
    const isAnother =
      known?.id !== undefined && id !== undefined && id !== known.id && (name !== undefined || !isNumbered);
    if (known !== undefined && !isAnother) return known;
    const call: ToolCall = { index: this.#calls.length, id: undefined, name: undefined, early: "" };
    this.#calls.push(call);
    if (isNumbered) this.#callsByWireIndex.set(wireIndex, call);
    return call;
  }

  /** As soon as it is known what the call is called. */
  #announce(call: ToolCall): void {
    const { index, id, name, early } = call;
    if (id === undefined || name === undefined || early === undefined) return;
    call.early = undefined;
    this.#sink({ kind: "tool-call", index, id, name });
    if (early !== "") this.#sink({ kind: "tool-arguments", index, text: early });
  }
}
