import { OllaError } from "../../errors.ts";
import type { Arrival } from "../arrival.ts";
import { MethodNotAllowed } from "../refusal-headers.ts";
import type { ScopedPath } from "../scope.ts";

/**
 * Codex asks for a WebSocket first and takes nothing but 426 for a reason to go on without one at once.
 * @throws OllaError for what would be answered over a WebSocket only
 */
export function refuseWebSocket({ request }: Pick<Arrival, "request">, { upstreamPath }: ScopedPath): void {
  if (request.method !== "GET") return;
  const isResponses = upstreamPath.endsWith("/v1/responses");
  if (!isResponses && !upstreamPath.endsWith("/v1/realtime")) return;
  const wanted = request.headers.get("upgrade");
  if (wanted !== null && /\bwebsocket\b/i.test(wanted)) {
    throw new OllaError(
      "upgrade_required",
      `WebSockets are not supported on ${upstreamPath}${isResponses ? ": send a POST request" : ""}`,
    );
  }
  if (isResponses) throw new MethodNotAllowed(`${upstreamPath} takes POST requests only`, "POST");
}
