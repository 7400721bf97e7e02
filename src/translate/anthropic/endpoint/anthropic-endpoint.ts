import type { EndpointDialect } from "../../endpoint-dialect.ts";
import { decodeAnthropicAnswer } from "./decode-answer.ts";
import { AnthropicStreamDecoder } from "./decode-stream.ts";
import { encodeAnthropicRequest } from "./encode-request.ts";

/** The Messages API, for endpoints that know nothing else. */
export const anthropicEndpoint: EndpointDialect = {
  encode: encodeAnthropicRequest,
  decodeWhole: decodeAnthropicAnswer,
  openDecoder: (sink) => new AnthropicStreamDecoder(sink),
};
