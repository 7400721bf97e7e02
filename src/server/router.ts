import { Hono } from "hono";
import { OllaError } from "../errors.ts";
import { describeByteSize } from "../lib/byte-size.ts";
import { type Arrival, arrive } from "./arrival.ts";
import { asOllaError } from "./as-olla-error.ts";
import type { ConnectionControl } from "./connection.ts";
import { decodeSegment } from "./decode-segment.ts";
import type { ServerDependencies } from "./dependencies.ts";
import { dialectFor } from "./dialect-of.ts";
import type { DirectEnv } from "./direct-env.ts";
import { createExchange } from "./exchange.ts";
import type { RequestKind } from "./guard/client-guard.ts";
import { estimateHeadBytes } from "./head-size.ts";
import { jsonResponse } from "./json-response.ts";
import { accessLog } from "./middleware/access-log.ts";
import { bodyLimit } from "./middleware/body-limit.ts";
import { conditionalJson } from "./middleware/conditional-json.ts";
import { readOnly } from "./middleware/read-only.ts";
import { requestIdHeader } from "./middleware/request-id.ts";
import { ownOutcome } from "./own-outcome.ts";
import { refusalHeaders } from "./refusal-headers.ts";
import { renderError } from "./render-error.ts";
import { anthropicModel, anthropicModelList, byAnthropicVersion } from "./routes/anthropic-models.ts";
import { addAnthropicRoutes } from "./routes/anthropic-routes.ts";
import { health } from "./routes/health.ts";
import { checkModelQuery, modelDetail, modelsPath, renderModels } from "./routes/models.ts";
import { notFound } from "./routes/not-found.ts";
import { fleetAnswer } from "./routes/ollama-answers.ts";
import { createOllamaRequests } from "./routes/ollama-requests.ts";
import { providerListing, providerModel, unsupportedPath } from "./routes/provider-listing.ts";
import { routeList } from "./routes/route-list.ts";
import { renderStickyStatistics } from "./routes/stats-sticky.ts";
import { renderTranslatorStatistics } from "./routes/stats-translators.ts";
import { renderStatus } from "./routes/status.ts";
import { renderEndpointStatus } from "./routes/status-endpoints.ts";
import { renderModelStatus } from "./routes/status-models.ts";
import { version } from "./routes/version.ts";
import { refuseWebSocket } from "./routes/web-socket.ts";
import { anthropicPrefix, isOwnPath, type Scope, type ScopedPath, Scopes } from "./scope.ts";

export interface Router {
  /** Answers every request; never rejects. */
  fetch(request: Request, connection: ConnectionControl): Promise<Response>;
  /** From now on every new request is answered with 503, and its connection closed. */
  beginDrain(): void;
}

/** What a request meets, in order: drain, head limit, then one of the proxied scopes or the direct routes. */
export function createRouter(deps: ServerDependencies): Router {
  const { settings, pipeline, clock, guard } = deps;
  const scopes = new Scopes(deps.profiles, {
    hasAnthropic: settings.hasAnthropicRoutes,
    hasBare: settings.hasBareRoutes,
  });
  const direct = createDirectRoutes(deps, scopes);
  const requests = createOllamaRequests(deps);
  let isDraining = false;

  const refuse = (arrival: Arrival, error: OllaError, headers = refusalHeaders(error)) => {
    const dialect = dialectFor(arrival, scopes.split(arrival.path));
    const response = renderError(error, dialect, arrival.requestId, headers);
    deps.record(ownOutcome(arrival, response, error, clock));
    return response;
  };

  // No middleware on this path: it carries nearly all requests.
  const proxy = async (arrival: Arrival, scoped: ScopedPath): Promise<Response> => {
    try {
      refuseWebSocket(arrival, scoped);
      const exchange = createExchange(arrival, scoped, settings.idleTimeoutSeconds);
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
          error: describe(cause),
        });
      }
      return refuse(arrival, error);
    }
  };

  const dispatch = (arrival: Arrival, scoped: ScopedPath | undefined): Response | Promise<Response> => {
    const { request, url } = arrival;
    if (scoped === undefined) return direct.fetch(requestAt(url, request), arrival);
    if (!isOwnPath(scoped, request.method)) return proxy(arrival, scoped);
    return direct.fetch(requestAt(ownUrl(scoped), request), arrival);
  };

  /** Refuses, or answers with what the guard has to say besides. */
  const dispatchGuarded = async (received: Arrival, scoped: ScopedPath | undefined): Promise<Response> => {
    const entry = guard?.enter(received, kindOf(received, scoped));
    if (entry === undefined) return dispatch(received, scoped);
    const { clientKey, lease, refusal, headers } = entry;
    const arrival: Arrival = { ...received, clientKey, lease };
    if (refusal !== undefined) return refuse(arrival, refusal, headers);
    const response = await dispatch(arrival, scoped);
    for (const [name, value] of headers) response.headers.set(name, value);
    return response;
  };

  return {
    async fetch(request, connection) {
      const arrival = arrive(request, connection, clock, deps.readOrigin);
      if (isDraining) return refuse(arrival, shuttingDown(), [["Connection", "close"]]);
      if (estimateHeadBytes(request, arrival.path) > settings.maxHeaderBytes) {
        return refuse(arrival, headTooLarge(settings.maxHeaderBytes));
      }
      const scoped = scopes.split(arrival.path);
      return guard === undefined ? dispatch(arrival, scoped) : dispatchGuarded(arrival, scoped);
    },
    beginDrain() {
      isDraining = true;
    },
  };
}

/** All that is not listed here is for those with a key, so that no spelling of a path gets around it. */
function kindOf({ path, request }: Arrival, scoped: ScopedPath | undefined): RequestKind {
  if (scoped !== undefined) return isOwnPath(scoped, request.method) ? "own" : "inference";
  if (path.startsWith("/internal/")) return decodeSegment(path) === "/internal/health" ? "health" : "open";
  return path === "/" || path === "/version" ? "open" : "own";
}

/** Every URL that Olla answers itself. All else below a provider's prefix is sent on. */
function createDirectRoutes(deps: ServerDependencies, scopes: Scopes): Hono<DirectEnv> {
  const app = new Hono<DirectEnv>();
  app.use(accessLog(deps), requestIdHeader, bodyLimit(deps.settings.maxBodyBytes));

  app.all("/", readOnly, routeList(deps.settings.version, scopes, directPaths));
  app.all("/version", readOnly, version(deps));

  app.all("/internal/health", readOnly, health);
  app.all(
    "/internal/status",
    readOnly,
    conditionalJson(() => renderStatus(deps)),
  );
  app.all(
    "/internal/status/endpoints",
    readOnly,
    conditionalJson(() => renderEndpointStatus(deps)),
  );
  app.all(
    "/internal/status/models",
    readOnly,
    conditionalJson((_arrival, query) =>
      renderModelStatus(deps, query.get("detailed") === "true" && query.get("group") === "family"),
    ),
  );

  app.all("/internal/stats/sticky", readOnly, () => jsonResponse(renderStickyStatistics(deps.sticky)));
  app.all("/internal/stats/translators", readOnly, () => jsonResponse(renderTranslatorStatistics(deps)));

  app.all(modelsPath, readOnly, checkModelQuery, (c) =>
    jsonResponse(renderModels(c.req.valid("query"), deps, c.env.clientKey)),
  );
  app.all(`${modelsPath}/*`, readOnly, modelDetail(deps));

  for (const scope of scopes.all()) {
    if (scope.prefix === anthropicPrefix) addAnthropicRoutes(app, scope, deps);
    else addScopeRoutes(app, scope, deps);
  }

  app.all("*", notFound(scopes, directPaths));
  app.onError((cause, c) => {
    const error = asOllaError(cause);
    if (error.code === "internal") {
      deps.logger.error("a request failed inside Olla", {
        request_id: c.env.requestId,
        error: describe(cause),
      });
    }
    const dialect = dialectFor(c.env, scopes.split(c.env.path));
    return renderError(error, dialect, c.env.requestId, refusalHeaders(error));
  });
  return app;
}

/** What Olla answers below one prefix. */
function addScopeRoutes(app: Hono<DirectEnv>, scope: Scope, deps: ServerDependencies): void {
  const base = `/olla/${scope.prefix}`;
  const isShared = (path: string) => path === "/v1/models" && deps.settings.hasAnthropicRoutes;
  for (const { path, format } of scope.listings) {
    const own = providerListing(scope, format, deps);
    const handle = isShared(path) ? byAnthropicVersion(anthropicModelList(scope, deps), own) : own;
    app.all(`${base}${path}`, readOnly, handle);
  }
  // After the lists, which this pattern matches, too.
  for (const listing of scope.modelLists) {
    const own = providerModel(scope, listing, deps);
    const handle = isShared(listing.path) ? byAnthropicVersion(anthropicModel(scope, deps), own) : own;
    app.all(`${base}${listing.path}/*`, readOnly, handle);
  }
  for (const { path, answer } of scope.answers) {
    const handle = fleetAnswer(scope, answer, deps);
    app.all(`${base}${path}`, readOnly, handle);
    // Setup guides and scripts ask the base URL itself whether somebody is there.
    if (path === "/") app.on(["GET", "HEAD"], base, handle);
  }
  if (scope.profile === "all") return;
  for (const unsupported of scope.profile.unsupportedPaths) {
    app.all(`${base}${unsupported.path}`, unsupportedPath(unsupported));
  }
}

/** For people, and for guessing what a mistyped path meant. */
const directPaths: readonly string[] = [
  "/version",
  "/internal/health",
  "/internal/status",
  "/internal/status/endpoints",
  "/internal/status/models",
  "/internal/stats/sticky",
  "/internal/stats/translators",
  modelsPath,
];

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

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
