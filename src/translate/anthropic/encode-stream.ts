import type { OllaError } from "../../errors.ts";
import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import { createMessageId } from "../answer-ids.ts";
import { BracketCount } from "../bracket-count.ts";
import type { AnswerError, AnswerEvent, Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext, AnswerEncoder } from "../chat-dialect.ts";
import { anthropicOverflowMessage, findContextOverflow } from "../context-overflow.ts";
import { sseEvent } from "../sse-reader.ts";
import { encodeFinish, encodeUsage } from "./encode-answer.ts";
import { anthropicErrorType } from "./error-type.ts";
import { completeUsage, estimateInputTokens } from "./estimate-tokens.ts";

/** One content block, written or waiting until the one before it is whole. */
type Block =
  | { readonly kind: "text" | "thinking"; said: string }
  | {
      readonly kind: "tool";
      readonly index: number;
      readonly id: string;
      readonly name: string;
      said: string;
      /** Of `said`. */
      readonly brackets: BracketCount;
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
  #inputEstimate: number | undefined;
  #model: string;
  #hasBegun = false;
  #hasEnded = false;
  #blocks = 0;
  #open: Block | undefined;
  /** Every delta of the open block up to what it says. */
  #deltaHead = "";
  /** Begun while the open one was not whole; in order. None where the open one is. */
  #waiting: Block[] = [];
  #saidBytes = 0;
  #usage: TokenUsage | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#model = context.model;
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
        return (
          this.#start() +
          this.#beginBlock({ kind: "tool", index, id, name, said: "", brackets: new BracketCount() })
        );
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
      usage: encodeUsage({ ...this.#completeUsage(), outputTokens: 0 }),
    };
    return write("message_start", { message });
  }

  #say(kind: "text" | "thinking", text: string): string {
    this.#saidBytes += Buffer.byteLength(text);
    const last = this.#waiting.at(-1) ?? this.#open;
    return last?.kind === kind ? this.#continue(last, text) : this.#beginBlock({ kind, said: text });
  }

  #sayArguments(index: number, text: string): string {
    this.#saidBytes += Buffer.byteLength(text);
    const block = this.#toolBlock(index);
    // Behind whole arguments there is nothing left to say.
    return block === undefined ? "" : this.#continue(block, text);
  }

  #toolBlock(index: number): Block | undefined {
    const open = this.#open;
    if (open?.kind === "tool" && open.index === index) return open;
    return this.#waiting.find((block) => block.kind === "tool" && block.index === index);
  }

  #continue(block: Block, text: string): string {
    if (block.kind === "tool") block.brackets.push(text);
    if (block !== this.#open) {
      block.said += text;
      return "";
    }
    const delta = this.#delta(text);
    if (block.kind !== "tool") return delta;
    block.said += text;
    return this.#waiting.length === 0 ? delta : delta + this.#openNext();
  }

  #beginBlock(block: Block): string {
    if (this.#waiting.length === 0 && isWhole(this.#open)) return this.#close() + this.#write(block);
    this.#waiting.push(block);
    return "";
  }

  /** Writes what waits, up to the next tool call whose arguments are not whole. */
  #openNext(): string {
    let text = "";
    while (isWhole(this.#open)) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      text += this.#close() + this.#write(next);
    }
    return text;
  }

  #write(block: Block): string {
    this.#open = block;
    const index = this.#blocks;
    const { type, member } = deltaNames[block.kind];
    this.#deltaHead = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${member}":`;
    const start = write("content_block_start", { index, content_block: emptyBlock(block) });
    return block.said === "" ? start : start + this.#delta(block.said);
  }

  /** The bulk of every answer, so put together by hand. */
  #delta(text: string): string {
    return `${this.#deltaHead}${JSON.stringify(text)}}}\n\n`;
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
    const usage = encodeUsage(this.#completeUsage());
    const delta = encodeFinish(finish, this.#context.request.limits.stopSequences);
    return `${text}${write("message_delta", { delta, usage })}${write("message_stop", {})}`;
  }

  #endWith({ message, status = 500 }: AnswerError): string {
    if (this.#hasEnded) return "";
    this.#hasEnded = true;
    const overflow = findContextOverflow({ message, status, detail: undefined });
    const error =
      overflow === undefined
        ? { type: anthropicErrorType(status), message }
        : { type: anthropicErrorType(400), message: anthropicOverflowMessage(overflow, message) };
    return write("error", { error });
  }

  #completeUsage(): TokenUsage {
    this.#inputEstimate ??= estimateInputTokens(this.#context.body);
    return completeUsage(this.#usage, this.#inputEstimate, this.#saidBytes);
  }
}

/** Only a tool call is ever unfinished: its arguments are one JSON object. */
function isWhole(block: Block | undefined): boolean {
  if (block?.kind !== "tool") return true;
  // Read only where it can be true: after every piece it would cost the square of its length.
  return block.brackets.isClosed && isObject(parseJson(block.said));
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

const deltaNames = {
  text: { type: "text_delta", member: "text" },
  thinking: { type: "thinking_delta", member: "thinking" },
  tool: { type: "input_json_delta", member: "partial_json" },
} as const;
