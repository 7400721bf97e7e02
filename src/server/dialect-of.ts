import type { Dialect } from "../translate/dialect.ts";

/**
 * Which API the caller speaks, by the path behind the route's prefix (or the whole path where there is none).
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
