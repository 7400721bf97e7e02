import type { Handler } from "hono";
import { OllaError } from "../../errors.ts";
import type { LiveRequest, LiveRequests } from "../../observe/live-requests.ts";
import { toTenths } from "../../observe/request-row.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { formatTime } from "../format-text.ts";
import { jsonResponse } from "../json-response.ts";

type LiveSources = Pick<ServerDependencies, "clock" | "logger"> & { readonly live: LiveRequests };

/** More are cut off: nobody reads them, and the longest-running ones come first. */
const mostListed = 1_000;

/** `GET /internal/live`: the requests under way, the oldest first. */
export function renderLive({ live, clock }: LiveSources): object {
  const requests = live
    .all()
    .slice(0, mostListed)
    .map((request) => renderLiveRequest(request, clock));
  return { timestamp: formatTime(clock.wallTime()), total: live.size, requests };
}

/** One of them, for bodies and for the page's feed. */
export function renderLiveRequest(request: LiveRequest, clock: LiveSources["clock"]): object {
  const elapsedMs = clock.now() - request.receivedAt;
  const optional = (name: string, value: string | undefined) =>
    value === undefined ? {} : { [name]: value };
  return {
    id: request.requestId,
    started_at: formatTime(clock.wallTime() - elapsedMs),
    elapsed_ms: toTenths(elapsedMs),
    method: request.method,
    path: request.path,
    client: request.clientAddress,
    ...optional("key", request.clientKeyName),
    ...optional("model", request.model),
    ...optional("endpoint", request.busyEndpointName),
    phase: request.phase,
    stream: request.wantsStream,
    attempts: request.attemptCount,
  };
}

/**
 * `POST /internal/requests/{id}/cancel`: ends the requests with this id. Their clients are told in their API's words, the
 * endpoints stop working for them.
 */
export function cancelRequest({ live, logger }: LiveSources): Handler<DirectEnv> {
  return (c) => {
    const id = decodeSegment(c.env.path.slice("/internal/requests/".length, -"/cancel".length));
    const cancelled = live.cancel(id);
    if (cancelled === 0) {
      throw new OllaError(
        "request_not_found",
        `No request with the id "${id.slice(0, 128)}" is under way: it may have ended`,
      );
    }
    logger.info("A request was cancelled by an operator", {
      request_id: id,
      cancelled,
      client_ip: c.env.clientAddress,
    });
    return jsonResponse({ id, cancelled });
  };
}
