import type { OllaError } from "../../errors.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { AnswerEvent, Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext, AnswerEncoder } from "../chat-dialect.ts";
import { type AnswerPiece, type AnswerTimes, type LineShape, lineEnd, lineHead } from "./answer-line.ts";
import { encodeCall } from "./encode-answer.ts";

interface OpenCall {
  readonly id: string;
  readonly name: string;
  said: string;
}

/** Writes one JSON object a line. A tool call has no pieces here: it is told when its arguments are whole. */
export class OllamaStreamEncoder implements AnswerEncoder {
  readonly contentType = "application/x-ndjson";
  readonly #model: string;
  readonly #startedAt: number;
  readonly #shape: LineShape;
  readonly #calls: OpenCall[] = [];
  #firstPieceAt: number | undefined;
  #usage: TokenUsage | undefined;
  #hasEnded = false;

  constructor({ request, kept }: AnswerContext<AnswerTimes>, shape: LineShape) {
    this.#model = request.model;
    this.#startedAt = kept.startedAt;
    this.#shape = shape;
  }

  push(event: AnswerEvent): string {
    if (this.#hasEnded) return "";
    switch (event.kind) {
      case "model":
        return "";
      case "usage":
        this.#usage = event.usage;
        return "";
      case "reasoning":
        return this.#say({ text: "", thinking: event.text });
      case "text":
      case "refusal":
        return this.#say({ text: event.text });
      case "tool-call":
        this.#firstPieceAt ??= Date.now();
        this.#calls[event.index] = { id: event.id, name: event.name, said: "" };
        return "";
      case "tool-arguments": {
        const call = this.#calls[event.index];
        if (call !== undefined) call.said += event.text;
        return "";
      }
      case "error":
        return this.#endWith(event.error.message);
      case "finish":
        return this.#finish(event.finish);
    }
  }

  fail({ message }: OllaError): string {
    return this.#endWith(message);
  }

  #say(piece: AnswerPiece): string {
    this.#firstPieceAt ??= Date.now();
    return writeLine({ ...lineHead(this.#model), ...this.#shape.said(piece), done: false });
  }

  #finish(finish: Finish): string {
    this.#hasEnded = true;
    const calls = this.#calls.map(({ id, name, said }, index) => encodeCall(index, id, name, said));
    const called = calls.length === 0 ? "" : this.#say({ text: "", calls });
    const times = { startedAt: this.#startedAt, firstPieceAt: this.#firstPieceAt };
    const last = {
      ...lineHead(this.#model),
      ...this.#shape.said({ text: "" }),
      ...lineEnd(finish, this.#usage, times),
    };
    return called + writeLine(last);
  }

  #endWith(message: string): string {
    if (this.#hasEnded) return "";
    this.#hasEnded = true;
    return writeLine({ error: message });
  }
}

function writeLine(line: JsonObject): string {
  return `${JSON.stringify(line)}\n`;
}
