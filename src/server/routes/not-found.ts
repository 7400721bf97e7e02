import type { Handler } from "hono";
import { OllaError } from "../../errors.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { DirectEnv } from "../direct-env.ts";
import {
  anthropicPrefix,
  barePrefix,
  countTokensPath,
  messagesPath,
  proxyPrefix,
  type Scope,
  type Scopes,
} from "../scope.ts";

/**
 * Everything without a route: a slash too few or too many is redirected (308 keeps method and body), the rest is told
 * which route was probably meant.
 */
export function notFound(scopes: Scopes, directPaths: readonly string[]): Handler<DirectEnv> {
  return (c) => {
    const { path, query } = c.env;
    const cleaned = path.replace(/\/{2,}/g, "/");
    if (cleaned !== path) return redirect(cleaned + query);
    const segment = /^\/olla\/([^/]+)$/.exec(path)?.[1];
    if (segment !== undefined && scopes.find(segment) !== undefined) return redirect(`${path}/${query}`);
    throw new OllaError(
      "route_not_found",
      `There is no route ${path}. ${hintFor(path, scopes, directPaths)}`,
    );
  };
}

function redirect(location: string): Response {
  return new Response(null, { status: 308, headers: { Location: location, "Content-Length": "0" } });
}

function hintFor(path: string, scopes: Scopes, directPaths: readonly string[]): string {
  const segment = /^\/olla\/([^/]+)/.exec(path)?.[1];
  if (segment !== undefined) return prefixHint(segment, scopes);
  const prefix = barePrefix(path);
  if (prefix !== undefined) {
    const known = scopes.find(prefix) ?? scopes.find(proxyPrefix);
    return `Did you mean /olla/${known?.prefix ?? proxyPrefix}${path}?`;
  }
  const [nearest] = nearestNames(path, directPaths, 1);
  return nearest === undefined ? "GET / lists the routes." : `Did you mean ${nearest}?`;
}

function prefixHint(segment: string, scopes: Scopes): string {
  if (scopes.find(segment)?.prefix !== anthropicPrefix) return providerHint(decodeSegment(segment), scopes);
  const paths = [messagesPath, countTokensPath, "/v1/models"].map(
    (path) => `/olla/${anthropicPrefix}${path}`,
  );
  return `There are ${paths.join(", ")}.`;
}

function providerHint(segment: string, scopes: Scopes): string {
  const prefixes = scopes.all().map((scope: Scope) => scope.prefix);
  const [nearest] = nearestNames(segment, prefixes, 1);
  const guess = nearest === undefined ? "" : `Did you mean /olla/${nearest}/? `;
  return `${guess}Known prefixes: ${prefixes.join(", ")}.`;
}
