import type { ChatAnswer } from "../chat-answer.ts";
import type { AnswerContext } from "../chat-dialect.ts";
import type { TranslatedAnswer } from "../client-api.ts";
import { toJsonBytes } from "../wire.ts";
import type { DecodedResponsesRequest } from "./decode-request.ts";
import { itemObject, type OutputItem, openCall, openSaid } from "./output-item.ts";
import { createResponseId, nowSeconds, responseObject, stateOfFinish } from "./response-object.ts";
import { keepConversation, type ResponseStore } from "./response-store.ts";

/** A whole answer as a Responses client expects it. */
export function encodeResponsesAnswer(
  answer: ChatAnswer,
  context: AnswerContext<DecodedResponsesRequest>,
  store: ResponseStore,
): TranslatedAnswer {
  const { status, incompleteReason } = stateOfFinish(answer.finish);
  const output = answer.parts.map((part) => itemObject(itemOf(part, context), "completed"));
  const facts = {
    id: createResponseId(),
    createdAt: nowSeconds(),
    model: answer.model ?? context.model,
  };
  keepConversation(facts.id, output, context, store);
  const state = { status, output, usage: answer.usage, incompleteReason };
  return { contentType: "application/json", body: toJsonBytes(responseObject(facts, state, context)) };
}

function itemOf(
  part: ChatAnswer["parts"][number],
  { kept }: AnswerContext<DecodedResponsesRequest>,
): OutputItem {
  if (part.kind !== "tool-call") return { ...openSaid(part.kind), text: part.text };
  return { ...openCall(part.id, part.name, kept.tools), text: part.argumentsJson };
}
