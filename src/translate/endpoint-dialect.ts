import type { AnswerEvent, ChatAnswer } from "./chat-answer.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { TranslatedRequest, TranslationTarget } from "./client-api.ts";

/** The endpoint's side of a chat dialect: requests out of the common form, answers into it. */
export interface EndpointDialect {
  /** @throws OllaError `not_supported` for something that the dialect has no words for */
  encode(request: ChatRequest, target: TranslationTarget): TranslatedRequest;
  /** @throws OllaError `malformed_response` */
  decodeWhole(body: Uint8Array): ChatAnswer;
  /** Called once an answer begins to stream. @param sink gets every event, in the order of `AnswerEvent` */
  openDecoder(sink: (event: AnswerEvent) => void): AnswerDecoder;
}

/** Reads one streamed answer, cut anywhere. */
export interface AnswerDecoder {
  push(chunk: Uint8Array): void;
  /** Nothing more will come. A stream that has not come to its end was cut, which is told as an `error`. */
  end(): void;
}
