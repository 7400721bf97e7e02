import type { OllaError } from "../../../errors.ts";
import { type JsonObject, parseJson } from "../../../lib/json.ts";
import type { AnswerError, AnswerEvent, Finish, TokenUsage } from "../../chat-answer.ts";
import type { AnswerContext, AnswerEncoder } from "../../chat-dialect.ts";
import { sseEvent, sseEventOf } from "../../sse-reader.ts";
import { textOf } from "../../wire.ts";
import { renderOpenaiRefusal } from "../render-refusal.ts";
import type { ChatWishes } from "./decode-request.ts";
import { completionHead, encodeUsage, finishReasons } from "./encode-answer.ts";

/**
 * Writes a stream of chat completion chunks: the role, the pieces, why it ended, the usage where the client asked for
 * it, `[DONE]`. A stream that fails ends with an error and without `[DONE]`.
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class ChatStreamEncoder implements AnswerEncoder {
  readonly contentType = "text/event-stream";
  readonly #includesUsage: boolean;
  #model: string;
  /** Every chunk up to its choices. Empty until the first piece, which may tell what the model is called. */
  #head = "";
  /** Every chunk behind its choices. */
  readonly #tail: string;
  #usage: TokenUsage | undefined;
  #hasEnded = false;

  constructor({ model, kept }: AnswerContext<ChatWishes>) {
    this.#model = model;
    this.#includesUsage = kept.includesUsage;
    this.#tail = kept.includesUsage ? ',"usage":null}' : "}";
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
      case "text":
        return this.#say("content", event.text);
      case "refusal":
        return this.#say("refusal", event.text);
      case "reasoning":
        return this.#say("reasoning_content", event.text);
      case "tool-call": {
        const { index, id, name } = event;
        return this.#delta({
          tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }],
        });
      }
      case "tool-arguments": {
        const { index, text } = event;
        return this.#delta({ tool_calls: [{ index, function: { arguments: text } }] });
      }
    }
  }

  fail({ message, status }: OllaError): string {
    return this.#endWith({ message, status });
  }

  /** The bulk of every answer, so put together by hand. */
  #say(member: "content" | "refusal" | "reasoning_content", text: string): string {
    return this.#start() + this.#choice(`{"${member}":${JSON.stringify(text)}}`, "null");
  }

  #delta(delta: JsonObject): string {
    return this.#start() + this.#choice(JSON.stringify(delta), "null");
  }

  #start(): string {
    if (this.#head !== "") return "";
    this.#head = JSON.stringify(completionHead("chat.completion.chunk", this.#model)).slice(0, -1);
    return this.#choice('{"role":"assistant","content":""}', "null");
  }

  #choice(delta: string, finishReason: string): string {
    const choices = `[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}]`;
    return sseEventOf(undefined, `${this.#head},"choices":${choices}${this.#tail}`);
  }

  #finish({ reason }: Finish): string {
    this.#hasEnded = true;
    const last = this.#choice("{}", `"${finishReasons[reason]}"`);
    const usage =
      this.#includesUsage && this.#usage !== undefined
        ? sseEventOf(
            undefined,
            `${this.#head},"choices":[],"usage":${JSON.stringify(encodeUsage(this.#usage))}}`,
          )
        : "";
    return `${last}${usage}data: [DONE]\n\n`;
  }

  #endWith({ message, status = 500 }: AnswerError): string {
    if (this.#hasEnded) return "";
    this.#hasEnded = true;
    return sseEvent(
      undefined,
      parseJson(textOf(renderOpenaiRefusal({ message, status, detail: undefined }).body)),
    );
  }
}
