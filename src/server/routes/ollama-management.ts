import { takesRequests } from "../../endpoints/endpoint-status.ts";
import { OllaError } from "../../errors.ts";
import { nearestNames } from "../../lib/nearest.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import { toHeaderValue } from "../../proxy/header-value.ts";
import type { Arrival } from "../arrival.ts";
import type { EndpointView, ServerDependencies } from "../dependencies.ts";
import type { ScopedPath } from "../scope.ts";

type ManagementDependencies = Pick<ServerDependencies, "endpoints" | "refreshModels">;

/**
 * Ties a request that changes what an endpoint has to the one that its client names. When it has ended, that
 * endpoint's models are read anew.
 * @throws OllaError that tells the client what is missing
 */
export function pinToNamedEndpoint(
  exchange: Exchange,
  arrival: Arrival,
  scoped: ScopedPath,
  deps: ManagementDependencies,
): Exchange {
  const inScope = deps.endpoints.snapshot().filter(({ endpoint }) => scoped.scope.reaches(endpoint.profile));
  const wanted = arrival.request.headers.get("x-olla-endpoint")?.trim();
  if (wanted === undefined || wanted === "") throw endpointNotNamed(scoped.upstreamPath, inScope);
  const found = findNamed(wanted, inScope);
  const { endpoint, health } = found;
  if (!takesRequests(found)) {
    throw new OllaError(
      "no_healthy_endpoints",
      `endpoint "${endpoint.name}" is not available now: it is ${found.isDraining === true ? "being drained" : health.status}`,
    );
  }
  return {
    ...exchange,
    pinnedEndpoint: endpoint.name,
    releaseHold() {
      exchange.releaseHold();
      deps.refreshModels(endpoint.name);
    },
  };
}

function endpointNotNamed(path: string, inScope: readonly EndpointView[]): OllaError {
  const names = inScope.map(({ endpoint }) => endpoint.name);
  const known = names.length === 0 ? "" : ` (here: ${names.slice(0, 10).join(", ")})`;
  return new OllaError(
    "not_supported",
    `${path} changes what one endpoint has, and Olla does not guess which. Name it with the request header X-Olla-Endpoint: <name>${known}`,
  );
}

/** Headers carry names as answers show them: what is not ASCII is percent-encoded. */
function findNamed(wanted: string, inScope: readonly EndpointView[]): EndpointView {
  const found =
    inScope.find(({ endpoint }) => endpoint.name === wanted) ??
    inScope.find(({ endpoint }) => toHeaderValue(endpoint.name) === wanted);
  if (found !== undefined) return found;
  const names = inScope.map(({ endpoint }) => endpoint.name);
  const nearest = nearestNames(wanted, names, 3);
  const hint = nearest.length > 0 ? `; nearest: ${nearest.join(", ")}` : "";
  throw new OllaError(
    "endpoint_not_found",
    `this route has no endpoint named "${wanted.slice(0, 200)}"${hint}`,
  );
}
