import { OllaError } from "../errors.ts";
import type { AnswerError, AnswerEvent, AnswerPart, ChatAnswer, Finish, TokenUsage } from "./chat-answer.ts";
import type { EndpointDialect } from "./endpoint-dialect.ts";
import { textOf } from "./wire.ts";

/** Some servers stream whatever was asked for. */
export function isEventStream(body: Uint8Array): boolean {
  return /^\s*(?:data|event|id|retry)?:/.test(textOf(body.subarray(0, 64)));
}

/**
 * The whole answer that an endpoint's stream makes.
 * @throws OllaError `malformed_response` for one that was cut, or reports an error
 */
export function collectAnswer(body: Uint8Array, dialect: EndpointDialect): ChatAnswer {
  const collected = new CollectedAnswer();
  const decoder = dialect.openDecoder((event) => collected.push(event));
  decoder.push(body);
  decoder.end();
  return collected.read();
}

interface CollectedCall {
  readonly id: string;
  readonly name: string;
  said: string;
}

class CollectedAnswer {
  readonly #said = { reasoning: "", text: "", refusal: "" };
  readonly #calls: CollectedCall[] = [];
  #model: string | undefined;
  #usage: TokenUsage | undefined;
  #finish: Finish | undefined;
  #error: AnswerError | undefined;

  push(event: AnswerEvent): void {
    switch (event.kind) {
      case "model":
        this.#model = event.model;
        break;
      case "reasoning":
      case "text":
      case "refusal":
        this.#said[event.kind] += event.text;
        break;
      case "tool-call":
        this.#calls[event.index] = { id: event.id, name: event.name, said: "" };
        break;
      case "tool-arguments": {
        const call = this.#calls[event.index];
        if (call !== undefined) call.said += event.text;
        break;
      }
      case "usage":
        this.#usage = event.usage;
        break;
      case "finish":
        this.#finish = event.finish;
        break;
      case "error":
        this.#error = event.error;
    }
  }

  read(): ChatAnswer {
    if (this.#error !== undefined || this.#finish === undefined) {
      const what = this.#error?.message ?? "it has no end";
      throw new OllaError("malformed_response", `The endpoint's answer can't be translated: ${what}`);
    }
    const texts = (["reasoning", "text", "refusal"] as const).flatMap((kind): AnswerPart[] =>
      this.#said[kind] === "" ? [] : [{ kind, text: this.#said[kind] }],
    );
    const calls = this.#calls.map(
      ({ id, name, said }): AnswerPart => ({ kind: "tool-call", id, name, argumentsJson: said || "{}" }),
    );
    return {
      model: this.#model,
      parts: [...texts, ...calls],
      finish: this.#finish,
      usage: this.#usage,
    };
  }
}
