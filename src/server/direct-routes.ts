import { Hono, type MiddlewareHandler } from "hono";
import type { Feed } from "../dashboard/feed.ts";
import { helpFor, OllaError } from "../errors.ts";
import { isLoopbackAddress } from "../lib/loopback.ts";
import type { Arrival } from "./arrival.ts";
import { asOllaError } from "./as-olla-error.ts";
import type { ServerDependencies } from "./dependencies.ts";
import { dialectFor } from "./dialect-of.ts";
import type { DirectEnv } from "./direct-env.ts";
import type { AdminGuard } from "./guard/admin-guard.ts";
import { jsonResponse } from "./json-response.ts";
import { accessLog } from "./middleware/access-log.ts";
import { bodyLimit } from "./middleware/body-limit.ts";
import { conditionalJson } from "./middleware/conditional-json.ts";
import { readOnly } from "./middleware/read-only.ts";
import { requestIdHeader } from "./middleware/request-id.ts";
import { refusalHeaders } from "./refusal-headers.ts";
import { renderError } from "./render-error.ts";
import { anthropicModel, anthropicModelList, byAnthropicVersion } from "./routes/anthropic-models.ts";
import { addAnthropicRoutes } from "./routes/anthropic-routes.ts";
import { apiDocument, apiDocumentPath } from "./routes/api-document.ts";
import { renderConfigView } from "./routes/config-view.ts";
import { addDashboardRoutes } from "./routes/dashboard.ts";
import { events } from "./routes/events.ts";
import { health } from "./routes/health.ts";
import { cancelRequest, renderLive } from "./routes/live-requests.ts";
import { endpointAction, endpointsPath, postOnly, refreshModels } from "./routes/maintenance.ts";
import { checkModelQuery, modelDetail, modelsPath, renderModels } from "./routes/models.ts";
import { notFound } from "./routes/not-found.ts";
import { fleetAnswer } from "./routes/ollama-answers.ts";
import { providerListing, providerModel, unsupportedPath } from "./routes/provider-listing.ts";
import { checkRequestQuery, renderRequests, requestDetail, requestsPath } from "./routes/requests.ts";
import { routeList } from "./routes/route-list.ts";
import { renderKeyStatistics } from "./routes/stats-keys.ts";
import { renderStickyStatistics } from "./routes/stats-sticky.ts";
import { renderTranslatorStatistics } from "./routes/stats-translators.ts";
import { renderStatus } from "./routes/status.ts";
import { renderEndpointStatus } from "./routes/status-endpoints.ts";
import { renderModelStatus } from "./routes/status-models.ts";
import { version } from "./routes/version.ts";
import { anthropicPrefix, type Scope, type Scopes } from "./scope.ts";
import { addTelemetryRoutes, bareMetricsPath, telemetryPaths } from "./telemetry-routes.ts";

/** Which port a request came in at: `both` where one port is for everything. */
export type Side = "both" | "main" | "admin";

/** Every URL that Olla answers itself. All else below a provider's prefix is sent on. */
export function createDirectRoutes(
  deps: ServerDependencies,
  scopes: Scopes,
  admin: AdminGuard,
  side: Side,
  feed?: Feed,
): Hono<DirectEnv> {
  const app = new Hono<DirectEnv>();
  app.use(accessLog(deps), requestIdHeader, bodyLimit(deps.settings.maxBodyBytes));
  const paths = [
    ...openPaths,
    ...(side === "main" ? [] : internalPaths),
    ...(side === "admin" ? [] : [modelsPath]),
  ];
  const { adminPort } = deps.settings;
  app.all("/", readOnly, routeList(deps.settings.version, side === "admin" ? undefined : scopes, paths));
  app.all("/version", readOnly, version(deps));
  app.all("/internal/health", readOnly, health);
  if (side === "main") app.all("/internal/*", (c) => Promise.reject(otherPort(c.env, side, adminPort)));
  else {
    // First: who may open the page is asked by rules of its own.
    if (deps.dashboard !== undefined) addDashboardRoutes(app, { ...deps, dashboard: deps.dashboard });
    addInternalRoutes(app, deps, admin, feed);
  }
  if (side === "main" && deps.settings.hasBareMetrics === true) {
    app.all(bareMetricsPath, (c) => Promise.reject(otherPort(c.env, side, adminPort)));
  }
  if (side === "admin") app.all("/olla/*", (c) => Promise.reject(otherPort(c.env, side, adminPort)));
  else addModelRoutes(app, deps, scopes);

  app.all("*", notFound(scopes, paths));
  app.onError((cause, c) => {
    const error = asOllaError(cause);
    if (error.code === "internal") {
      deps.logger.error("a request failed inside Olla", {
        request_id: c.env.requestId,
        error: describeCause(cause),
        help: helpFor("internal"),
      });
    }
    const dialect = dialectFor(c.env, scopes.split(c.env.path));
    return renderError(error, dialect, c.env.requestId, refusalHeaders(error));
  });
  return app;
}

/** What Olla says about itself. `/internal/health` is not among it: that is for everybody. */
function addInternalRoutes(
  app: Hono<DirectEnv>,
  deps: ServerDependencies,
  admin: AdminGuard,
  feed: Feed | undefined,
): void {
  const guarded: MiddlewareHandler<DirectEnv> = async (c, next) => {
    const { method } = c.env.request;
    if (readingMethods.has(method)) admin.requireReader(c.env);
    else admin.requireAdmin(c.env);
    await next();
  };
  app.use("/internal/*", guarded);
  if (deps.settings.hasBareMetrics === true) app.use(bareMetricsPath, guarded);
  addTelemetryRoutes(app, deps);
  app.all(apiDocumentPath, readOnly, apiDocument);
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

  const asAdmin: MiddlewareHandler<DirectEnv> = async (c, next) => {
    admin.requireAdmin(c.env);
    await next();
  };
  const { live, maintenance, readConfig } = deps;
  if (feed !== undefined) app.all("/internal/events", readOnly, events(feed, admin));
  if (readConfig !== undefined) {
    app.all("/internal/config", asAdmin, readOnly, () => jsonResponse(renderConfigView(deps, readConfig())));
  }
  if (maintenance !== undefined) {
    const sources = { ...deps, maintenance };
    app.all(`${endpointsPath}/*`, asAdmin, postOnly, endpointAction(sources));
    app.all("/internal/models/refresh", asAdmin, postOnly, refreshModels(sources));
  }
  if (live !== undefined) {
    const sources = { ...deps, live };
    app.all("/internal/live", asAdmin, readOnly, () => jsonResponse(renderLive(sources)));
    app.all("/internal/requests/:id{.+}/cancel", asAdmin, postOnly, cancelRequest(sources));
  }

  const { history } = deps;
  if (history !== undefined) {
    const sources = { ...deps, history };
    app.all(requestsPath, asAdmin, readOnly, checkRequestQuery(deps.clock), async (c) =>
      jsonResponse(await renderRequests(c.req.valid("query"), sources)),
    );
    app.all(`${requestsPath}/*`, asAdmin, readOnly, requestDetail(sources));
  }

  app.all("/internal/stats/keys", readOnly, () => jsonResponse(renderKeyStatistics(deps)));
  app.all("/internal/stats/sticky", readOnly, () => jsonResponse(renderStickyStatistics(deps.sticky)));
  app.all("/internal/stats/translators", readOnly, () => jsonResponse(renderTranslatorStatistics(deps)));
}

/** Lists of models, and what else Olla answers below the prefixes of providers. */
function addModelRoutes(app: Hono<DirectEnv>, deps: ServerDependencies, scopes: Scopes): void {
  app.all(modelsPath, readOnly, checkModelQuery, (c) =>
    jsonResponse(renderModels(c.req.valid("query"), deps, c.env.clientKey)),
  );
  app.all(`${modelsPath}/*`, readOnly, modelDetail(deps));

  for (const scope of scopes.all()) {
    if (scope.prefix === anthropicPrefix) addAnthropicRoutes(app, scope, deps);
    else addScopeRoutes(app, scope, deps);
  }
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

const readingMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** For people, and for guessing what a mistyped path meant. */
const openPaths: readonly string[] = ["/version", "/internal/health"];
const internalPaths: readonly string[] = [
  "/internal/status",
  "/internal/status/endpoints",
  "/internal/status/models",
  "/internal/live",
  "/internal/events",
  "/internal/config",
  apiDocumentPath,
  "/internal/ui/",
  "/internal/endpoints/{name}/drain",
  "/internal/endpoints/{name}/enable",
  "/internal/endpoints/{name}/probe",
  "/internal/models/refresh",
  "/internal/requests",
  "/internal/requests/{id}",
  "/internal/requests/{id}/cancel",
  "/internal/stats/keys",
  "/internal/stats/sticky",
  "/internal/stats/translators",
  ...telemetryPaths,
];

/** Only who is on this machine is told where to go: the admin port is nobody else's business. */
export function otherPort(
  { path, peerAddress }: Arrival,
  side: Side,
  adminPort: number | undefined,
): OllaError {
  const where = side === "admin" ? "at server.port" : `at port ${adminPort} (server.admin.port)`;
  const hint = side === "admin" || isLoopbackAddress(peerAddress) ? ` It is ${where}.` : "";
  return new OllaError("route_not_found", `There is no route ${path} at this port.${hint}`);
}

/** For our own log. */
export function describeCause(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
