import type { OllaError } from "../../errors.ts";
import type { AnswerError, AnswerEvent, Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext, AnswerEncoder } from "../chat-dialect.ts";
import { sseEvent } from "../sse-reader.ts";
import type { JsonObject } from "../wire.ts";
import type { DecodedResponsesRequest } from "./decode-request.ts";
import { contentPart, freeTextOf, itemObject, type OutputItem, openCall, openSaid } from "./output-item.ts";
import {
  createResponseId,
  nowSeconds,
  type ResponseState,
  responseObject,
  stateOfFinish,
} from "./response-object.ts";
import { keepConversation, type ResponseStore } from "./response-store.ts";

type SaidKind = "reasoning" | "text" | "refusal";

/** How the pieces of each kind of item are called: `response.<name>.delta`, `response.<name>.done`. */
const pieceNames: Readonly<Record<SaidKind, string>> = {
  reasoning: "reasoning_text",
  text: "output_text",
  refusal: "refusal",
};

/**
 * Writes a Responses stream: every event with the next `sequence_number`, every item added, told piece by piece, and
 * done. Said items follow one another; calls stay open until the end, because their pieces may come interleaved.
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming
 */
export class ResponsesStreamEncoder implements AnswerEncoder {
  readonly contentType = "text/event-stream";
  readonly #context: AnswerContext<DecodedResponsesRequest>;
  readonly #store: ResponseStore;
  readonly #id = createResponseId();
  readonly #createdAt = nowSeconds();
  readonly #items: OutputItem[] = [];
  /** Index in the output, by the index of the call. */
  readonly #places = new Map<number, number>();
  readonly #done = new Set<OutputItem>();
  #model: string;
  #usage: TokenUsage | undefined;
  #sequence = 0;
  #hasBegun = false;
  #hasEnded = false;

  constructor(context: AnswerContext<DecodedResponsesRequest>, store: ResponseStore) {
    this.#context = context;
    this.#store = store;
    this.#model = context.model;
  }

  /** Nothing: the first event of the endpoint may still tell what the model is called. */
  begin(): string {
    return "";
  }

  push(event: AnswerEvent): string {
    if (this.#hasEnded) return "";
    switch (event.kind) {
      case "model":
        this.#model = event.model;
        return "";
      case "usage":
        this.#usage = event.usage;
        return "";
      case "error":
        return this.#endWith(event.error);
      case "finish":
        return this.#start() + this.#finish(event.finish);
      case "tool-call": {
        const { index, id, name } = event;
        const text = this.#start() + this.#closeSaid();
        this.#places.set(index, this.#items.length);
        return text + this.#add(openCall(id, name, this.#context.kept.tools));
      }
      case "tool-arguments":
        return this.#sayArguments(event.index, event.text);
      default:
        return this.#start() + this.#say(event.kind, event.text);
    }
  }

  fail({ message, status }: OllaError): string {
    return this.#endWith({ message, status });
  }

  #start(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    const response = this.#response({ status: "in_progress", output: [] });
    return this.#write("response.created", { response }) + this.#write("response.in_progress", { response });
  }

  #say(kind: SaidKind, said: string): string {
    const last = this.#items.at(-1);
    let text = "";
    let item: OutputItem | undefined = last?.kind === kind && !this.#done.has(last) ? last : undefined;
    if (item === undefined) {
      item = openSaid(kind);
      text = this.#closeSaid() + this.#add(item);
    }
    item.text += said;
    const piece = { ...this.#place(item), delta: said, ...(kind === "text" && { logprobs: [] }) };
    return text + this.#write(`response.${pieceNames[kind]}.delta`, piece);
  }

  #sayArguments(index: number, said: string): string {
    const item = this.#items[this.#places.get(index) ?? -1];
    if (item?.kind !== "call") return "";
    item.text += said;
    // Of free text in JSON no piece can be told before all of it is there.
    if (item.isFreeText) return "";
    return this.#write("response.function_call_arguments.delta", { ...this.#itemAt(item), delta: said });
  }

  #add(item: OutputItem): string {
    this.#items.push(item);
    const output_index = this.#items.length - 1;
    const added = this.#write("response.output_item.added", {
      output_index,
      item: itemObject(item, "in_progress"),
    });
    if (item.kind === "call") return added;
    const part = contentPart(item.kind, "");
    return added + this.#write("response.content_part.added", { ...this.#place(item), part });
  }

  #closeSaid(): string {
    const last = this.#items.at(-1);
    return last === undefined || last.kind === "call" ? "" : this.#close(last);
  }

  #close(item: OutputItem, status: "completed" | "incomplete" = "completed"): string {
    if (this.#done.has(item)) return "";
    this.#done.add(item);
    const end = item.kind === "call" ? this.#endOfCall(item) : this.#endOfSaid(item.kind, item);
    const { output_index } = this.#itemAt(item);
    return end + this.#write("response.output_item.done", { output_index, item: itemObject(item, status) });
  }

  #endOfSaid(kind: SaidKind, item: OutputItem): string {
    const part = contentPart(kind, item.text);
    const whole = kind === "refusal" ? { refusal: item.text } : { text: item.text };
    const piece = { ...this.#place(item), ...whole, ...(kind === "text" && { logprobs: [] }) };
    return (
      this.#write(`response.${pieceNames[kind]}.done`, piece) +
      this.#write("response.content_part.done", { ...this.#place(item), part })
    );
  }

  #endOfCall(item: OutputItem & { readonly kind: "call" }): string {
    const at = this.#itemAt(item);
    if (!item.isFreeText) {
      const whole = { name: item.name, arguments: item.text || "{}" };
      return this.#write("response.function_call_arguments.done", { ...at, ...whole });
    }
    const input = freeTextOf(item.text);
    return (
      this.#write("response.custom_tool_call_input.delta", { ...at, delta: input }) +
      this.#write("response.custom_tool_call_input.done", { ...at, input })
    );
  }

  #finish(finish: Finish): string {
    this.#hasEnded = true;
    const { status, incompleteReason } = stateOfFinish(finish);
    const itemStatus = status === "completed" ? "completed" : "incomplete";
    let text = "";
    for (const item of this.#items) text += this.#close(item, itemStatus);
    const output = this.#items.map((item) => itemObject(item, itemStatus));
    keepConversation(this.#id, output, this.#context, this.#store);
    const response = this.#response({ status, output, usage: this.#usage, incompleteReason });
    return text + this.#write(`response.${status}`, { response });
  }

  #endWith({ message, status }: AnswerError): string {
    if (this.#hasEnded) return "";
    const text = this.#start();
    this.#hasEnded = true;
    const code = status === 429 ? "rate_limit_exceeded" : "server_error";
    const output = this.#items.map((item) => itemObject(item, "incomplete"));
    const response = this.#response({ status: "failed", output, error: { code, message } });
    return text + this.#write("response.failed", { response });
  }

  #response(state: ResponseState): JsonObject {
    const facts = { id: this.#id, createdAt: this.#createdAt, model: this.#model };
    return responseObject(facts, state, this.#context);
  }

  #itemAt(item: OutputItem): { readonly item_id: string; readonly output_index: number } {
    return { item_id: item.id, output_index: this.#items.indexOf(item) };
  }

  /** Of the only content part of an item. */
  #place(item: OutputItem): JsonObject {
    return { ...this.#itemAt(item), content_index: 0 };
  }

  #write(type: string, members: JsonObject): string {
    const sequence_number = this.#sequence;
    this.#sequence += 1;
    return sseEvent(type, { type, sequence_number, ...members });
  }
}
