import type { ChatDialect } from "../chat-dialect.ts";
import type { ClientApi, Refusal, TranslatedRefusal } from "../client-api.ts";
import { anthropicOverflowMessage, findContextOverflow } from "../context-overflow.ts";
import { translateChat } from "../translate-chat.ts";
import { toJsonBytes } from "../wire.ts";
import { decodeAnthropicRequest } from "./decode-request.ts";
import { encodeAnthropicAnswer } from "./encode-answer.ts";
import { AnthropicStreamEncoder } from "./encode-stream.ts";
import { anthropicErrorType } from "./error-type.ts";
import { explainMissingModel } from "./nameless-request.ts";
import { findNativeLimits } from "./native-limits.ts";

const dialect: ChatDialect = {
  decodeRequest: decodeAnthropicRequest,
  encodeAnswer: encodeAnthropicAnswer,
  createEncoder: (context) => new AnthropicStreamEncoder(context),
  renderRefusal: renderAnthropicRefusal,
};

/** The Messages API in front of any endpoint. @param isPassthroughOn whether endpoints that know it get it as it is */
export function createAnthropicApi({ isPassthroughOn }: { readonly isPassthroughOn: boolean }): ClientApi {
  return {
    name: "anthropic",
    dialect: "anthropic",
    nativePath: (profile) => (isPassthroughOn ? profile.anthropic?.messagesPath : undefined),
    findNativeLimits,
    explainMissingModel,
    translate: (request) => translateChat(dialect, request),
  };
}

/** An endpoint's refusal in Anthropic's words. A prompt that is too long is said so that agents understand it. */
export function renderAnthropicRefusal(refusal: Refusal, requestId: string): TranslatedRefusal {
  const overflow = findContextOverflow(refusal);
  const status = overflow === undefined ? refusal.status : 400;
  const error = {
    type: anthropicErrorType(status),
    message: overflow === undefined ? refusal.message : anthropicOverflowMessage(overflow, refusal.message),
  };
  const body = toJsonBytes({ type: "error", error, request_id: requestId });
  return { status, contentType: "application/json", body };
}
