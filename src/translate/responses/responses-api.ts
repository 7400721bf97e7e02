import type { ChatDialect } from "../chat-dialect.ts";
import type { ClientApi } from "../client-api.ts";
import { droppedToolsHeader } from "../dropped-tools.ts";
import { renderOpenaiRefusal } from "../openai/render-refusal.ts";
import { translateChat } from "../translate-chat.ts";
import { type DecodedResponsesRequest, decodeResponsesRequest } from "./decode-request.ts";
import { encodeResponsesAnswer } from "./encode-answer.ts";
import { ResponsesStreamEncoder } from "./encode-stream.ts";
import { findNativeLimits } from "./native-limits.ts";
import type { ResponseStore } from "./response-store.ts";

const nativePath = "/v1/responses";

/** OpenAI's Responses API in front of any endpoint. @param store what `previous_response_id` is looked up in */
export function createResponsesApi(store: ResponseStore): ClientApi {
  const dialect: ChatDialect<DecodedResponsesRequest> = {
    decodeRequest(body) {
      const decoded = decodeResponsesRequest(body, store);
      const notices = droppedToolsHeader(decoded.tools.dropped);
      return { request: decoded.request, notices, kept: decoded };
    },
    encodeAnswer: (answer, context) => encodeResponsesAnswer(answer, context, store),
    createEncoder: (context) => new ResponsesStreamEncoder(context, store),
    renderRefusal: renderOpenaiRefusal,
  };
  return {
    name: "responses",
    dialect: "openai",
    nativePath: ({ paths, openaiBase }) =>
      paths.includes(nativePath) || paths.includes(`${openaiBase}/responses`) ? nativePath : undefined,
    findNativeLimits,
    translate: (request) => translateChat(dialect, request),
  };
}
