import type { Dialect } from "../translate/dialect.ts";
import type { Arrival } from "./arrival.ts";
import type { ScopedPath } from "./scope.ts";

/** The header by which a client of Anthropic's API is known where OpenAI's has the same path. */
export const anthropicVersionHeader = "anthropic-version";

/** Which API the caller speaks. @param scoped undefined for a path that no route of endpoints has */
export function dialectFor(
  { path, request }: Pick<Arrival, "path" | "request">,
  scoped: ScopedPath | undefined,
): Dialect {
  if (scoped === undefined) return dialectOf(path);
  const { scope, upstreamPath } = scoped;
  if (scope.dialect !== undefined) return scope.dialect;
  const isModels = upstreamPath.startsWith("/v1/models") && isWholeSegment(upstreamPath, "/v1/models");
  return isModels && request.headers.has(anthropicVersionHeader) ? "anthropic" : dialectOf(upstreamPath);
}

/**
 * The same by the path alone: what is behind the route's prefix, or the whole path where there is none.
 * LM Studio's own `/api/v0/…` is OpenAI's with more fields; everything else below `/api/` is Ollama's.
 */
export function dialectOf(path: string): Dialect {
  if (path.startsWith("/api/")) return /^\/api\/v\d+\//.test(path) ? "openai" : "ollama";
  if (path.startsWith("/v1/messages") && isWholeSegment(path, "/v1/messages")) return "anthropic";
  if (path.startsWith("/olla/anthropic") && isWholeSegment(path, "/olla/anthropic")) return "anthropic";
  return "openai";
}

function isWholeSegment(path: string, prefix: string): boolean {
  return path.length === prefix.length || path[prefix.length] === "/";
}
