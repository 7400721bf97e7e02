import type { AnswerPart, ChatAnswer } from "../chat-answer.ts";
import type { AnswerContext } from "../chat-dialect.ts";
import type { TranslatedAnswer } from "../client-api.ts";
import { toJsonBytes } from "../wire.ts";
import type { DecodedResponsesRequest } from "./decode-request.ts";
import { type ItemStatus, itemObject, type OutputItem, openCall, openSaid } from "./output-item.ts";
import {
  createResponseId,
  keepResponse,
  nowSeconds,
  responseObject,
  stateOfFinish,
  wantsSummary,
} from "./response-object.ts";
import type { ResponseStore } from "./response-store.ts";

/** A whole answer as a Responses client expects it. */
export function encodeResponsesAnswer(
  answer: ChatAnswer,
  context: AnswerContext<DecodedResponsesRequest>,
  store: ResponseStore,
): TranslatedAnswer {
  const { status, incompleteReason } = stateOfFinish(answer.finish);
  const last = answer.parts.length - 1;
  const output = answer.parts.map((part, index) =>
    // Whatever was cut off was the last.
    itemObject(itemOf(part, index === last ? status : "completed", context)),
  );
  const facts = {
    id: createResponseId(),
    createdAt: nowSeconds(),
    model: answer.model ?? context.model,
  };
  const state = { status, output, usage: answer.usage, incompleteReason };
  const response = responseObject(facts, state, context);
  keepResponse(response, context, store);
  return { contentType: "application/json", body: toJsonBytes(response) };
}

function itemOf(
  part: AnswerPart,
  status: ItemStatus,
  { kept, body }: AnswerContext<DecodedResponsesRequest>,
): OutputItem {
  if (part.kind === "tool-call") {
    return { ...openCall(part.id, part.name, kept.tools), text: part.argumentsJson, status };
  }
  const kind = part.kind === "reasoning" && wantsSummary(body) ? "summary" : part.kind;
  return { ...openSaid(kind), text: part.text, status };
}
