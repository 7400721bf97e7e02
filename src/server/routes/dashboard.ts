import type { Hono, MiddlewareHandler } from "hono";
import { cacheControlOf, contentTypeOf, endingOf, indexName } from "../../dashboard/page-file.ts";
import type { LoadPage, ServedFile } from "../../dashboard/page-source.ts";
import { OllaError } from "../../errors.ts";
import type { Arrival } from "../arrival.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { type DashboardPolicy, findDashboardRefusal } from "../guard/dashboard-guard.ts";
import { acceptsGzip, gzip } from "../middleware/conditional-json.ts";
import { MethodNotAllowed } from "../refusal-headers.ts";

/** Missing from the dependencies where the dashboard is switched off. */
export interface DashboardDoor {
  readonly policy: DashboardPolicy;
  readonly loadPage: LoadPage;
}

type DashboardSources = Pick<ServerDependencies, "logger" | "settings"> & {
  readonly dashboard: DashboardDoor;
};

export const dashboardPath = "/internal/ui";
const minGzipBytes = 256;

const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** On every answer below the dashboard's path, refusals included. */
export const pageHeaders: readonly (readonly [name: string, value: string])[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
  ["Referrer-Policy", "no-referrer"],
  ["Content-Security-Policy", contentPolicy],
];

export function isDashboardPath(path: string): boolean {
  return path === dashboardPath || path.startsWith(`${dashboardPath}/`);
}

/** The page itself, which holds nothing: what it shows it asks for elsewhere, with a key where one is needed. */
export function addDashboardRoutes(app: Hono<DirectEnv>, sources: DashboardSources): void {
  const { loadPage } = sources.dashboard;
  const handlers = [withPageHeaders, checkAccess(sources), onlyRead] as const;
  app.all(dashboardPath, ...handlers, (c) => {
    const headers = { Location: `${dashboardPath}/${c.env.query}`, "Content-Length": "0" };
    return new Response(null, { status: 307, headers });
  });
  const cache = new Map<string, Uint8Array<ArrayBuffer>>();
  app.all(`${dashboardPath}/*`, ...handlers, async (c) => {
    const name = c.env.path.slice(dashboardPath.length + 1);
    const files = await loadPage();
    // Only whole names that are known are ever looked up: there is no path to walk out of.
    const isPageOfApp = !name.startsWith("assets/") && endingOf(name) === undefined;
    const file = files.get(name) ?? (isPageOfApp ? files.get(indexName) : undefined);
    if (file === undefined) {
      throw new OllaError("route_not_found", `The dashboard has no file ${c.env.path}`);
    }
    return serveFile(file, c.env.request, sources.settings.startedAt, cache);
  });
}

const withPageHeaders: MiddlewareHandler<DirectEnv> = async (c, next) => {
  await next();
  for (const [name, value] of pageHeaders) c.res.headers.set(name, value);
};

function checkAccess({ dashboard, logger }: DashboardSources): MiddlewareHandler<DirectEnv> {
  return async (c, next) => {
    const refusal = findDashboardRefusal(c.env, dashboard.policy);
    if (refusal !== undefined) {
      logger.warn("The dashboard was refused", describeRefusal(refusal.configKey, c.env));
      throw new OllaError("forbidden", refusal.message);
    }
    await next();
  };
}

function describeRefusal(configKey: string, { peerAddress, request, requestId }: Arrival) {
  return {
    reason: configKey.endsWith("cidrs") ? "address" : "host",
    config_key: configKey,
    client_ip: peerAddress,
    host: request.headers.get("host")?.slice(0, 100),
    request_id: requestId,
  };
}

const allowedMethods = "GET, HEAD";

const onlyRead: MiddlewareHandler<DirectEnv> = async (c, next) => {
  const { method } = c.env.request;
  if (method === "GET" || method === "HEAD") await next();
  else
    throw new MethodNotAllowed(`The dashboard's files can only be read: ${allowedMethods}`, allowedMethods);
};

/** Whole files only: none is long enough for anybody to want a part of it. */
function serveFile(
  file: ServedFile,
  request: Request,
  startedAt: number,
  cache: Map<string, Uint8Array<ArrayBuffer>>,
): Response {
  const { name, tag } = file;
  const isCompressed =
    file.bytes.byteLength >= minGzipBytes && acceptsGzip(request.headers.get("accept-encoding"));
  const headers = new Headers({
    "Cache-Control": cacheControlOf(name),
    ETag: `"${tag}${isCompressed ? "-gz" : ""}"`,
    "Last-Modified": new Date(startedAt).toUTCString(),
    "Accept-Ranges": "none",
    Vary: "Accept-Encoding",
  });
  if (isUnchanged(request.headers, tag, startedAt)) return new Response(null, { status: 304, headers });
  const bytes = isCompressed ? compressed(file, cache) : file.bytes;
  headers.set("Content-Type", contentTypeOf(name));
  headers.set("Content-Length", String(bytes.byteLength));
  if (isCompressed) headers.set("Content-Encoding", "gzip");
  return new Response(bytes, { headers });
}

function compressed({ name, bytes }: ServedFile, cache: Map<string, Uint8Array<ArrayBuffer>>) {
  const known = cache.get(name) ?? gzip(bytes);
  cache.set(name, known);
  return known;
}

/** `If-None-Match` wins over `If-Modified-Since` (RFC 9110 §13.2.2). */
function isUnchanged(headers: Headers, tag: string, startedAt: number): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) {
    return tags.split(",").some((text) => {
      const offered = text.trim().replace(/^W\//, "");
      return offered === "*" || offered === `"${tag}"` || offered === `"${tag}-gz"`;
    });
  }
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return !Number.isNaN(since) && Math.floor(startedAt / 1000) * 1000 <= since;
}
