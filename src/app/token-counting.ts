import { createTokenCounter, type TokenCounterContext } from "../pipeline/count-tokens.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";

const countTokensPath = "/v1/messages/count_tokens";

/** Longer than a tokenizer takes for a long prompt, and short enough for a person who waits. */
const askTimeoutMs = 2_000;

/** The pipeline, with the one request in front of it of which only a number is wanted. */
export function withTokenCounting(
  pipeline: Pipeline,
  context: Omit<TokenCounterContext, "askTimeoutMs">,
): Pipeline {
  const counter = createTokenCounter({ ...context, askTimeoutMs });
  return {
    handle(exchange) {
      const isCount = exchange.upstreamPath === countTokensPath && exchange.request.method === "POST";
      return (isCount ? counter : pipeline).handle(exchange);
    },
  };
}
