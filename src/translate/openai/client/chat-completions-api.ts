import type { ChatDialect } from "../../chat-dialect.ts";
import type { ClientApi } from "../../client-api.ts";
import { translateChat } from "../../translate-chat.ts";
import { renderOpenaiRefusal } from "../render-refusal.ts";
import { type ChatWishes, decodeChatRequest } from "./decode-request.ts";
import { encodeChatAnswer } from "./encode-answer.ts";
import { ChatStreamEncoder } from "./encode-stream.ts";

const dialect: ChatDialect<ChatWishes> = {
  decodeRequest: decodeChatRequest,
  encodeAnswer: encodeChatAnswer,
  createEncoder: (context) => new ChatStreamEncoder(context),
  renderRefusal: renderOpenaiRefusal,
};

/** Chat completions in front of endpoints that speak only Anthropic's API. @param path where clients ask for them */
export function createChatCompletionsApi(path: string): ClientApi {
  return {
    name: "chat-completions",
    dialect: "openai",
    isCommon: true,
    nativePath: ({ anthropic }) => (anthropic?.isOnlyDialect === true ? undefined : path),
    translate: (request) => translateChat(dialect, request),
  };
}
