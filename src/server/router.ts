import { helpFor, OllaError } from "../errors.ts";
import { describeByteSize } from "../lib/byte-size.ts";
import { type Arrival, arrive } from "./arrival.ts";
import { asOllaError } from "./as-olla-error.ts";
import type { ConnectionControl } from "./connection.ts";
import { decodeSegment } from "./decode-segment.ts";
import type { ServerDependencies, ServerSettings } from "./dependencies.ts";
import { dialectFor } from "./dialect-of.ts";
import { createDirectRoutes, describeCause, otherPort, type Side } from "./direct-routes.ts";
import { createExchange } from "./exchange.ts";
import { createAdminGuard } from "./guard/admin-guard.ts";
import type { RequestKind } from "./guard/client-guard.ts";
import { estimateHeadBytes } from "./head-size.ts";
import { ownOutcome } from "./own-outcome.ts";
import { refusalHeaders } from "./refusal-headers.ts";
import { renderError } from "./render-error.ts";
import { isDashboardPath, pageHeaders } from "./routes/dashboard.ts";
import { createFeed } from "./routes/events.ts";
import { createOllamaRequests } from "./routes/ollama-requests.ts";
import { refuseWebSocket } from "./routes/web-socket.ts";
import { isOwnPath, type ScopedPath, Scopes } from "./scope.ts";
import { bareMetricsPath } from "./telemetry-routes.ts";

export interface Router {
  /** Answers every request; never rejects. */
  fetch(request: Request, connection: ConnectionControl): Promise<Response>;
  /** The same for the admin port, where there is one: only what is for operators. */
  fetchAdmin(request: Request, connection: ConnectionControl): Promise<Response>;
  /** From now on every new request is answered with 503, and its connection closed. */
  beginDrain(): void;
}

/**
 * What a request meets, in order: CORS, drain, head limit, the guards of its host, page and way, the one of its client,
 * then one of the proxied scopes or the direct routes.
 */
export function createRouter(deps: ServerDependencies): Router {
  const { settings, pipeline, clock, guard, front, cors } = deps;
  const scopes = new Scopes(deps.profiles, {
    hasAnthropic: settings.hasAnthropicRoutes,
    hasBare: settings.hasBareRoutes,
  });
  const { adminPort } = settings;
  const admin = deps.admin ?? createAdminGuard({ digest: undefined, knowsHost: () => true }, clock);
  const mainSide: Side = adminPort === undefined ? "both" : "main";
  const feed = deps.feedRecords && createFeed(deps, deps.feedRecords);
  const mainRoutes = createDirectRoutes(deps, scopes, admin, mainSide, feed);
  const adminRoutes =
    adminPort === undefined ? mainRoutes : createDirectRoutes(deps, scopes, admin, "admin", feed);
  const requests = createOllamaRequests(deps, admin);
  let isDraining = false;

  const refuse = (arrival: Arrival, error: OllaError, headers = refusalHeaders(error)) => {
    const scoped = scopes.split(arrival.path);
    const response = renderError(error, dialectFor(arrival, scoped), arrival.requestId, headers);
    if (isDashboardPath(arrival.path)) {
      for (const [name, value] of pageHeaders) response.headers.set(name, value);
    }
    const isSentOn = scoped !== undefined && !isOwnPath(scoped, arrival.request.method);
    deps.record(ownOutcome(arrival, response, error, clock, isSentOn ? scoped : undefined));
    return response;
  };

  // No middleware on this path: it carries nearly all requests.
  const proxy = async (arrival: Arrival, scoped: ScopedPath): Promise<Response> => {
    try {
      refuseWebSocket(arrival, scoped);
      const exchange = createExchange(arrival, scoped, settings.idleTimeoutSeconds, clock);
      const prepared = requests.prepare(exchange, arrival, scoped);
      const ready = prepared instanceof Promise ? await prepared : prepared;
      if (ready instanceof Response) arrival.lease?.end();
      return await (ready instanceof Response ? ready : pipeline.handle(ready));
    } catch (cause) {
      arrival.lease?.end();
      const error = asOllaError(cause);
      if (error.code === "internal") {
        deps.logger.error("a request failed inside Olla", {
          request_id: arrival.requestId,
          error: describeCause(cause),
          help: helpFor("internal"),
        });
      }
      return refuse(arrival, error);
    }
  };

  const dispatch = (
    arrival: Arrival,
    scoped: ScopedPath | undefined,
    side: Side,
  ): Response | Promise<Response> => {
    const { request, url } = arrival;
    const direct = side === "admin" ? adminRoutes : mainRoutes;
    if (scoped === undefined) return direct.fetch(requestAt(url, request), arrival);
    if (!isOwnPath(scoped, request.method)) return proxy(arrival, scoped);
    return direct.fetch(requestAt(ownUrl(scoped), request), arrival);
  };

  /** Refuses, or answers with what the guard has to say besides. */
  const dispatchGuarded = async (
    received: Arrival,
    scoped: ScopedPath | undefined,
    side: Side,
  ): Promise<Response> => {
    const entry = guard?.enter(received, kindOf(received, scoped, settings));
    if (entry === undefined) return dispatch(received, scoped, side);
    const { clientKey, lease, refusal, headers } = entry;
    const arrival: Arrival = { ...received, clientKey, lease };
    if (refusal !== undefined) return refuse(arrival, refusal, headers);
    const response = await dispatch(arrival, scoped, side);
    for (const [name, value] of headers) response.headers.set(name, value);
    return response;
  };

  const answer = (request: Request, connection: ConnectionControl, side: Side) => {
    const arrival = arrive(request, connection, clock, deps.readOrigin, deps.beginTrace);
    if (isDraining) return refuse(arrival, shuttingDown(), [["Connection", "close"]]);
    if (estimateHeadBytes(request, arrival.path) > settings.maxHeaderBytes) {
      return refuse(arrival, headTooLarge(settings.maxHeaderBytes));
    }
    const refusal = front?.(arrival);
    if (refusal !== undefined) return refuse(arrival, refusal);
    const scoped = scopes.split(arrival.path);
    if (
      side !== "both" &&
      scoped !== undefined &&
      isManagement(scoped, request.method) !== (side === "admin")
    ) {
      return refuse(arrival, otherPort(arrival, side, adminPort));
    }
    return guard === undefined ? dispatch(arrival, scoped, side) : dispatchGuarded(arrival, scoped, side);
  };

  const answerPages = async (request: Request, connection: ConnectionControl, side: Side) => {
    const preflight = cors?.answerPreflight(request);
    if (preflight !== undefined) return preflight;
    const response = await answer(request, connection, side);
    cors?.mark(request, response.headers);
    return response;
  };
  const enter = cors === undefined ? answer : answerPages;

  return {
    fetch: async (request, connection) => enter(request, connection, mainSide),
    fetchAdmin: async (request, connection) => enter(request, connection, "admin"),
    beginDrain() {
      isDraining = true;
      // Nobody would ever leave by himself.
      feed?.end();
    },
  };
}

/** All that is not listed here is for those with a key, so that no spelling of a path gets around it. */
function kindOf(
  { path, request }: Arrival,
  scoped: ScopedPath | undefined,
  { hasBareMetrics }: ServerSettings,
): RequestKind {
  if (scoped !== undefined) {
    if (isOwnPath(scoped, request.method)) return "own";
    return isManagement(scoped, request.method) ? "open" : "inference";
  }
  if (path.startsWith("/internal/")) return decodeSegment(path) === "/internal/health" ? "health" : "open";
  if (path === bareMetricsPath && hasBareMetrics === true) return "open";
  return path === "/" || path === "/version" ? "open" : "own";
}

/** Whether a request is the admin side's, although its path leads to endpoints. */
function isManagement(scoped: ScopedPath, method: string): boolean {
  return !isOwnPath(scoped, method) && scoped.scope.isManagement(scoped.upstreamPath);
}

/** Hono needs a URL that it can split; direct routes need no body, so the copy has none. */
function requestAt(url: string, request: Request): Request {
  return url === request.url
    ? request
    : new Request(url, { method: request.method, headers: request.headers });
}

function ownUrl({ scope, upstreamPath }: ScopedPath): string {
  return `http://localhost/olla/${scope.prefix}${upstreamPath}`;
}

function shuttingDown(): OllaError {
  return new OllaError("shutting_down", "Olla is shutting down", { retryAfterSeconds: 5 });
}

function headTooLarge(maxHeaderBytes: number): OllaError {
  return new OllaError(
    "headers_too_large",
    `The request headers are larger than the limit of ${describeByteSize(maxHeaderBytes)}`,
  );
}
