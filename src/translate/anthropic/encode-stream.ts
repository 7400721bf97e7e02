import type { OllaError } from "../../errors.ts";
import { createMessageId } from "../answer-ids.ts";
import type { AnswerError, AnswerEvent, Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext, AnswerEncoder } from "../chat-dialect.ts";
import { sseEvent } from "../sse-reader.ts";
import { type JsonObject, parseJson } from "../wire.ts";
import { encodeFinish, encodeUsage } from "./encode-answer.ts";
import { anthropicErrorType } from "./error-type.ts";
import { estimateInputTokens, estimateOutputTokens } from "./estimate-tokens.ts";

/** One content block, written or waiting until the one before it is whole. */
type Block =
  | { readonly kind: "text" | "thinking"; said: string }
  | {
      readonly kind: "tool";
      readonly index: number;
      readonly id: string;
      readonly name: string;
      said: string;
    };

/**
 * Writes a Messages stream: `message_start`, blocks one after the other with indexes 0, 1, …, `message_delta`,
 * `message_stop`. Exactly one block is open at a time, so what belongs to another one waits while the arguments of a
 * tool call are not whole yet.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export class AnthropicStreamEncoder implements AnswerEncoder {
  readonly contentType = "text/event-stream";
  readonly #context: AnswerContext;
  readonly #inputEstimate: number;
  #model: string;
  #hasBegun = false;
  #hasEnded = false;
  #blocks = 0;
  #open: Block | undefined;
  /** Begun while the open one was not whole; in order. */
  #waiting: Block[] = [];
  #saidBytes = 0;
  #usage: TokenUsage | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#model = context.model;
    this.#inputEstimate = estimateInputTokens(context.body);
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
      case "reasoning":
        return this.#start() + this.#say("thinking", event.text);
      case "text":
      case "refusal":
        return this.#start() + this.#say("text", event.text);
      case "tool-call": {
        const { index, id, name } = event;
        return this.#start() + this.#beginBlock({ kind: "tool", index, id, name, said: "" });
      }
      case "tool-arguments":
        return this.#start() + this.#sayArguments(event.index, event.text);
    }
  }

  fail({ message, status }: OllaError): string {
    return this.#endWith({ message, status });
  }

  #start(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    const message = {
      id: createMessageId(),
      type: "message",
      role: "assistant",
      model: this.#model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: encodeUsage(this.#usage ?? this.#estimate(0)),
    };
    return write("message_start", { message });
  }

  #say(kind: "text" | "thinking", text: string): string {
    this.#saidBytes += text.length;
    const last = this.#waiting.at(-1) ?? this.#open;
    if (last?.kind !== kind) return this.#beginBlock({ kind, said: text });
    return this.#continue(last, text);
  }

  #sayArguments(index: number, text: string): string {
    this.#saidBytes += text.length;
    const blocks = this.#open === undefined ? this.#waiting : [this.#open, ...this.#waiting];
    const block = blocks.find((each) => each.kind === "tool" && each.index === index);
    return block === undefined ? "" : this.#continue(block, text);
  }

  #continue(block: Block, text: string): string {
    if (block !== this.#open) {
      block.said += text;
      return this.#isOpenWhole() ? this.#openNext() : "";
    }
    if (block.kind === "tool") block.said += text;
    return this.#delta(block, text);
  }

  #beginBlock(block: Block): string {
    if (this.#open !== undefined && !(this.#waiting.length === 0 && this.#isOpenWhole())) {
      this.#waiting.push(block);
      return this.#isOpenWhole() ? this.#openNext() : "";
    }
    return this.#close() + this.#write(block);
  }

  /** Only a tool call is ever unfinished: its arguments are one JSON text. */
  #isOpenWhole(): boolean {
    const open = this.#open;
    return open?.kind !== "tool" || (open.said !== "" && parseJson(open.said) !== undefined);
  }

  /** Writes what waits, up to the next tool call whose arguments are not whole. */
  #openNext(): string {
    let text = "";
    while (this.#waiting.length > 0 && this.#isOpenWhole()) {
      const [next] = this.#waiting.splice(0, 1);
      if (next !== undefined) text += this.#close() + this.#write(next);
    }
    return text;
  }

  #write(block: Block): string {
    this.#open = block;
    const start = write("content_block_start", { index: this.#blocks, content_block: emptyBlock(block) });
    return block.said === "" ? start : start + this.#delta(block, block.said);
  }

  #delta({ kind }: Block, text: string): string {
    return write("content_block_delta", { index: this.#blocks, delta: deltaOf(kind, text) });
  }

  #close(): string {
    if (this.#open === undefined) return "";
    this.#open = undefined;
    const stop = write("content_block_stop", { index: this.#blocks });
    this.#blocks += 1;
    return stop;
  }

  #finish(finish: Finish): string {
    this.#hasEnded = true;
    let text = "";
    for (const block of this.#waiting) text += this.#close() + this.#write(block);
    this.#waiting = [];
    text += this.#close();
    const usage = encodeUsage(this.#usage ?? this.#estimate(estimateOutputTokens(this.#saidBytes)));
    const delta = encodeFinish(finish, this.#context.request.limits.stopSequences);
    return `${text}${write("message_delta", { delta, usage })}${write("message_stop", {})}`;
  }

  #endWith({ message, status }: AnswerError): string {
    if (this.#hasEnded) return "";
    this.#hasEnded = true;
    const type = status === undefined ? "api_error" : anthropicErrorType(status);
    return write("error", { error: { type, message } });
  }

  #estimate(outputTokens: number): TokenUsage {
    const inputTokens = this.#inputEstimate;
    return { inputTokens, outputTokens, cachedTokens: undefined, reasoningTokens: undefined };
  }
}

function write(type: string, members: JsonObject): string {
  return sseEvent(type, { type, ...members });
}

function emptyBlock(block: Block): JsonObject {
  switch (block.kind) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "tool":
      return { type: "tool_use", id: block.id, name: block.name, input: {} };
  }
}

function deltaOf(kind: Block["kind"], text: string): JsonObject {
  switch (kind) {
    case "text":
      return { type: "text_delta", text };
    case "thinking":
      return { type: "thinking_delta", thinking: text };
    case "tool":
      return { type: "input_json_delta", partial_json: text };
  }
}
