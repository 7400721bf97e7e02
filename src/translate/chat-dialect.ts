import type { OllaError } from "../errors.ts";
import type { JsonObject } from "../lib/json.ts";
import type { AnswerEvent, ChatAnswer } from "./chat-answer.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Refusal, TranslatedAnswer, TranslatedRefusal } from "./client-api.ts";

/**
 * The client's side of a chat dialect: its requests into the common form, answers out of it. One for each `ClientApi`.
 * `Kept` is what it keeps of a request to write the answer with.
 */
export interface ChatDialect<Kept = undefined> {
  /** @throws OllaError `invalid_request` that names the member at fault */
  decodeRequest(body: JsonObject): DecodedRequest<Kept>;
  encodeAnswer(answer: ChatAnswer, context: AnswerContext<Kept>): TranslatedAnswer;
  /** Called once an answer begins to stream. */
  createEncoder(context: AnswerContext<Kept>): AnswerEncoder;
  renderRefusal(refusal: Refusal, requestId: string): TranslatedRefusal;
}

export interface DecodedRequest<Kept = undefined> {
  readonly request: ChatRequest;
  /** Headers that tell the client what was left out. */
  readonly notices: readonly (readonly [name: string, value: string])[];
  readonly kept: Kept;
  /** For a request that no endpoint has to be asked about. */
  readonly ownAnswer?: TranslatedAnswer | undefined;
}

export interface AnswerContext<Kept = undefined> {
  readonly requestId: string;
  /** As the client sent it. */
  readonly body: JsonObject;
  readonly request: ChatRequest;
  /** What the model is called where the endpoint does not say. */
  readonly model: string;
  readonly kept: Kept;
}

/** Writes one streamed answer. What it returns is whole events, `""` when there is nothing to say yet. */
export interface AnswerEncoder {
  readonly contentType: string;
  /** `finish` writes the end, `error` an end that no client takes for a good one. */
  push(event: AnswerEvent): string;
  /** The endpoint's stream broke. */
  fail(error: OllaError): string;
}
