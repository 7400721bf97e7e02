import type { EndpointDialect } from "../endpoint-dialect.ts";
import { decodeChatAnswer } from "./decode-answer.ts";
import { ChatStreamDecoder } from "./decode-stream.ts";
import { encodeChatRequest } from "./encode-request.ts";

/** Chat completions, which nearly every endpoint knows. */
export const openaiEndpoint: EndpointDialect = {
  encode: encodeChatRequest,
  decodeWhole: decodeChatAnswer,
  openDecoder: (sink) => new ChatStreamDecoder(sink),
};
