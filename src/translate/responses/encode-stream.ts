import type { OllaError } from "../../errors.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { AnswerError, AnswerEvent, Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext, AnswerEncoder } from "../chat-dialect.ts";
import { findContextOverflow } from "../context-overflow.ts";
import { sseEvent } from "../sse-reader.ts";
import type { DecodedResponsesRequest } from "./decode-request.ts";
import {
  type CallItem,
  freeTextOf,
  type ItemStatus,
  itemObject,
  type OutputItem,
  openCall,
  openSaid,
  type SaidItem,
  type SaidKind,
  saidPart,
} from "./output-item.ts";
import {
  createResponseId,
  keepResponse,
  nowSeconds,
  type ResponseState,
  responseObject,
  stateOfFinish,
  wantsSummary,
} from "./response-object.ts";
import type { ResponseStore } from "./response-store.ts";

interface PieceNames {
  /** `response.<piece>.delta`, `response.<piece>.done` */
  readonly piece: string;
  /** `response.<part>.added`, `response.<part>.done` */
  readonly part: string;
  /** Of the part within its item. */
  readonly index: "content_index" | "summary_index";
}

const pieceNames: Readonly<Record<SaidKind, PieceNames>> = {
  reasoning: { piece: "reasoning_text", part: "content_part", index: "content_index" },
  summary: { piece: "reasoning_summary_text", part: "reasoning_summary_part", index: "summary_index" },
  text: { piece: "output_text", part: "content_part", index: "content_index" },
  refusal: { piece: "refusal", part: "content_part", index: "content_index" },
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
  readonly #reasoningKind: SaidKind;
  readonly #items: OutputItem[] = [];
  readonly #places = new Map<OutputItem, number>();
  /** By their number in the endpoint's answer. */
  readonly #calls = new Map<number, CallItem>();
  #model: string;
  #usage: TokenUsage | undefined;
  #sequence = 0;
  #hasBegun = false;
  #hasEnded = false;

  constructor(context: AnswerContext<DecodedResponsesRequest>, store: ResponseStore) {
    this.#context = context;
    this.#store = store;
    this.#model = context.model;
    this.#reasoningKind = wantsSummary(context.body) ? "summary" : "reasoning";
  }

  push(event: AnswerEvent): string {
    if (this.#hasEnded) return "";
    switch (event.kind) {
      case "model":
        // What has been told once stays so.
        if (!this.#hasBegun) this.#model = event.model;
        return this.#start();
      case "usage":
        this.#usage = event.usage;
        return "";
      case "error":
        return this.#endWith(event.error);
      case "finish":
        return this.#start() + this.#finish(event.finish);
      case "tool-call": {
        const { index, id, name } = event;
        const call = openCall(id, name, this.#context.kept.tools);
        this.#calls.set(index, call);
        return this.#start() + this.#closeSaid() + this.#add(call);
      }
      case "tool-arguments": {
        const call = this.#calls.get(event.index);
        return call === undefined ? "" : this.#sayArguments(call, event.text);
      }
      default: {
        const kind = event.kind === "reasoning" ? this.#reasoningKind : event.kind;
        return this.#start() + this.#say(kind, event.text);
      }
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
    let item: SaidItem;
    if (last?.kind === kind && last.status === "in_progress") {
      item = last;
    } else {
      item = openSaid(kind);
      text = this.#closeSaid() + this.#add(item) + this.#addPart(item);
    }
    item.text += said;
    return text + this.#writePiece(item, "delta", { delta: said });
  }

  #sayArguments(call: CallItem, said: string): string {
    call.text += said;
    // Of free text in JSON no piece can be told before all of it is there; a search is told whole.
    if (call.form !== "function" || said === "") return "";
    return this.#write("response.function_call_arguments.delta", { ...this.#placeOf(call), delta: said });
  }

  #add(item: OutputItem): string {
    const output_index = this.#items.length;
    this.#items.push(item);
    this.#places.set(item, output_index);
    return this.#write("response.output_item.added", { output_index, item: itemObject(item) });
  }

  #addPart(item: SaidItem): string {
    const { part, index } = pieceNames[item.kind];
    const members = { ...this.#placeOf(item), [index]: 0, part: saidPart(item.kind, "") };
    return this.#write(`response.${part}.added`, members);
  }

  #closeSaid(): string {
    const last = this.#items.at(-1);
    return last === undefined || last.kind === "call" ? "" : this.#close(last, "completed");
  }

  #close(item: OutputItem, status: ItemStatus): string {
    if (item.status !== "in_progress") return "";
    const end = item.kind === "call" ? this.#endOfCall(item, status) : this.#endOfSaid(item);
    item.status = status;
    const { output_index } = this.#placeOf(item);
    return end + this.#write("response.output_item.done", { output_index, item: itemObject(item) });
  }

  #endOfSaid(item: SaidItem): string {
    const { part, index } = pieceNames[item.kind];
    const whole = item.kind === "refusal" ? { refusal: item.text } : { text: item.text };
    const members = { ...this.#placeOf(item), [index]: 0, part: saidPart(item.kind, item.text) };
    return this.#writePiece(item, "done", whole) + this.#write(`response.${part}.done`, members);
  }

  #endOfCall(call: CallItem, status: ItemStatus): string {
    // A call that was cut off must not look like one without arguments.
    const rest = call.text === "" && status === "completed" ? this.#sayArguments(call, "{}") : "";
    const at = this.#placeOf(call);
    switch (call.form) {
      case "function": {
        const whole = { name: call.name, arguments: call.text };
        return rest + this.#write("response.function_call_arguments.done", { ...at, ...whole });
      }
      case "custom": {
        const input = freeTextOf(call.text);
        return (
          this.#write("response.custom_tool_call_input.delta", { ...at, delta: input }) +
          this.#write("response.custom_tool_call_input.done", { ...at, input })
        );
      }
      case "tool-search":
        return "";
    }
  }

  #finish(finish: Finish): string {
    this.#hasEnded = true;
    const { status, incompleteReason } = stateOfFinish(finish);
    let text = "";
    for (const item of this.#items) text += this.#close(item, status);
    const output = this.#items.map(itemObject);
    const response = this.#response({ status, output, usage: this.#usage, incompleteReason });
    keepResponse(response, this.#context, this.#store);
    return text + this.#write(`response.${status}`, { response });
  }

  #endWith({ message, status }: AnswerError): string {
    if (this.#hasEnded) return "";
    const text = this.#start();
    this.#hasEnded = true;
    for (const item of this.#items) if (item.status === "in_progress") item.status = "incomplete";
    const output = this.#items.map(itemObject);
    const error = { code: failureCode({ message, status }), message };
    const response = this.#response({ status: "failed", output, usage: this.#usage, error });
    return text + this.#write("response.failed", { response });
  }

  #response(state: ResponseState): JsonObject {
    const facts = { id: this.#id, createdAt: this.#createdAt, model: this.#model };
    return responseObject(facts, state, this.#context);
  }

  #placeOf(item: OutputItem): { readonly item_id: string; readonly output_index: number } {
    return { item_id: item.id, output_index: this.#places.get(item) ?? 0 };
  }

  #writePiece(item: SaidItem, ending: "delta" | "done", said: JsonObject): string {
    const { piece, index } = pieceNames[item.kind];
    const members = { ...this.#placeOf(item), [index]: 0, ...said };
    const type = `response.${piece}.${ending}`;
    return this.#write(type, item.kind === "text" ? { ...members, logprobs: [] } : members);
  }

  #write(type: string, members: JsonObject): string {
    const sequence_number = this.#sequence;
    this.#sequence += 1;
    return sseEvent(type, { type, sequence_number, ...members });
  }
}

/** Agents mend their conversation when it is too long, wait when told so, and ask again otherwise. */
function failureCode({ message, status }: AnswerError): string {
  const refusal = { message, status: status ?? 400, detail: undefined };
  if (findContextOverflow(refusal) !== undefined) return "context_length_exceeded";
  return status === 429 ? "rate_limit_exceeded" : "server_error";
}
