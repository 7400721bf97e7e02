import { OllaError } from "../errors.ts";
import { isObject } from "../lib/json.ts";
import type { AnswerEvent, ChatAnswer } from "./chat-answer.ts";
import type { AnswerContext, AnswerEncoder, ChatDialect } from "./chat-dialect.ts";
import type {
  AnswerStream,
  TranslatableRequest,
  TranslatedAnswer,
  Translation,
  TranslationTarget,
} from "./client-api.ts";
import { collectAnswer, isEventStream } from "./collect-answer.ts";
import type { AnswerDecoder, EndpointDialect } from "./endpoint-dialect.ts";
import { endpointDialectOf } from "./endpoint-dialects.ts";
import { parseJsonExactly } from "./exact-json.ts";
import { textOf } from "./wire.ts";

/**
 * Puts a request of a client's dialect into that of the endpoint which is chosen, and the answer back.
 * @throws OllaError `invalid_request`
 */
export function translateChat<Kept>(
  dialect: ChatDialect<Kept>,
  { body, requestId }: TranslatableRequest,
): Translation {
  const parsed = parseJsonExactly(textOf(body));
  if (!isObject(parsed)) throw new OllaError("invalid_request", "The request's body is no JSON object");
  const { request, notices, kept, ownAnswer } = dialect.decodeRequest(parsed);
  const contextFor = ({ model }: TranslationTarget): AnswerContext<Kept> => ({
    requestId,
    body: parsed,
    request,
    model,
    kept,
  });
  return {
    isStream: request.isStream,
    notices,
    ownAnswer,
    encode: (target) => endpointDialectOf(target.profile).encode(request, target),
    decodeWhole(answerBody, target) {
      const spoken = endpointDialectOf(target.profile);
      const answer = isEventStream(answerBody)
        ? collectAnswer(answerBody, spoken)
        : spoken.decodeWhole(answerBody);
      const context = contextFor(target);
      return request.isStream
        ? replay(answer, dialect.createEncoder(context))
        : dialect.encodeAnswer(answer, context);
    },
    openStream: (target) =>
      new TranslatedStream(dialect.createEncoder(contextFor(target)), endpointDialectOf(target.profile)),
    renderRefusal: (refusal) => dialect.renderRefusal(refusal, requestId),
  };
}

const utf8 = new TextEncoder();

class TranslatedStream implements AnswerStream {
  readonly contentType: string;
  hasFailed = false;
  readonly #encoder: AnswerEncoder;
  readonly #decoder: AnswerDecoder;
  /** Written by the piece that is being read. */
  #text = "";

  constructor(encoder: AnswerEncoder, spoken: EndpointDialect) {
    this.contentType = encoder.contentType;
    this.#encoder = encoder;
    this.#decoder = spoken.openDecoder((event) => {
      if (event.kind === "error") this.hasFailed = true;
      this.#text += encoder.push(event);
    });
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    this.#decoder.push(chunk);
    return this.#take();
  }

  end(): Uint8Array | undefined {
    this.#decoder.end();
    return this.#take();
  }

  fail(error: OllaError): Uint8Array {
    return utf8.encode(this.#text + this.#encoder.fail(error));
  }

  #take(): Uint8Array | undefined {
    if (this.#text === "") return undefined;
    const bytes = utf8.encode(this.#text);
    this.#text = "";
    return bytes;
  }
}

/** For an endpoint that answers whole although a stream was asked for. */
function replay(answer: ChatAnswer, encoder: AnswerEncoder): TranslatedAnswer {
  let text = "";
  for (const event of eventsOf(answer)) text += encoder.push(event);
  return { contentType: encoder.contentType, body: utf8.encode(text) };
}

/** The events that a stream of this answer would have had. */
export function* eventsOf({ model, parts, usage, finish }: ChatAnswer): Generator<AnswerEvent> {
  if (model !== undefined) yield { kind: "model", model };
  let calls = 0;
  for (const part of parts) {
    if (part.kind !== "tool-call") {
      yield { kind: part.kind, text: part.text };
      continue;
    }
    yield { kind: "tool-call", index: calls, id: part.id, name: part.name };
    yield { kind: "tool-arguments", index: calls, text: part.argumentsJson };
    calls += 1;
  }
  if (usage !== undefined) yield { kind: "usage", usage };
  yield { kind: "finish", finish };
}
