import type { Handler, MiddlewareHandler } from "hono";
import { OllaError } from "../../errors.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { EndpointView, ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { formatTime } from "../format-text.ts";
import { jsonResponse } from "../json-response.ts";
import { MethodNotAllowed } from "../refusal-headers.ts";

/** What operators do to endpoints while Olla runs. Nothing of it outlives a restart. */
export interface Maintenance {
  /** From now on the endpoint gets nothing new, or may again; what runs there goes on. */
  setDraining(endpointName: string, isDraining: boolean): void;
  /** Asks the endpoint how it is, whatever back-off it is in. Resolves when it is known. */
  probe(endpointName: string): Promise<void>;
  /** Reads every usable endpoint's list of models. Resolves when all have answered or failed. */
  refreshModels(): Promise<void>;
}

type MaintenanceSources = Pick<
  ServerDependencies,
  "endpoints" | "connections" | "queues" | "catalog" | "clock" | "logger"
> & { readonly maintenance: Maintenance };

export const endpointsPath = "/internal/endpoints";

const actions = ["drain", "enable", "probe"] as const;
type Action = (typeof actions)[number];

/** For routes that do something: only POST, so that no link and no prefetching page does it. */
export const postOnly: MiddlewareHandler<DirectEnv> = async (c, next) => {
  if (c.env.request.method === "POST") await next();
  else throw new MethodNotAllowed(`${c.env.path} does something: it takes only POST`, "POST");
};

/** `POST /internal/endpoints/{name}/drain | enable | probe`. @returns what is so afterwards */
export function endpointAction(sources: MaintenanceSources): Handler<DirectEnv> {
  const { maintenance, logger } = sources;
  return async (c) => {
    const { name, action } = splitPath(c.env.path);
    const { endpoint } = findEndpoint(name, sources);
    if (action === "probe") await maintenance.probe(endpoint.name);
    else maintenance.setDraining(endpoint.name, action === "drain");
    logger.info(describe[action](endpoint.name), {
      endpoint: endpoint.name,
      action,
      request_id: c.env.requestId,
      client_ip: c.env.clientAddress,
    });
    return jsonResponse(renderState(findEndpoint(endpoint.name, sources), sources));
  };
}

/** `POST /internal/models/refresh`. */
export function refreshModels({
  maintenance,
  endpoints,
  catalog,
  clock,
}: MaintenanceSources): Handler<DirectEnv> {
  return async () => {
    await maintenance.refreshModels();
    return jsonResponse({
      timestamp: formatTime(clock.wallTime()),
      endpoints: endpoints.snapshot().map(({ endpoint, health }) => {
        const updatedAt = catalog.lastUpdatedAt(endpoint.name);
        return {
          name: endpoint.name,
          status: health.status,
          models: catalog.modelsAt(endpoint.name).length,
          last_updated: updatedAt === undefined ? null : formatTime(updatedAt),
        };
      }),
    });
  };
}

const describe: Readonly<Record<Action, (name: string) => string>> = {
  drain: (name) => `Endpoint ${name} is drained: it gets nothing new`,
  enable: (name) => `Endpoint ${name} may be used again`,
  probe: (name) => `Endpoint ${name} was probed on request`,
};

function splitPath(path: string): { readonly name: string; readonly action: Action } {
  const rest = path.slice(endpointsPath.length + 1);
  const slashAt = rest.lastIndexOf("/");
  const action = actions.find((known) => known === rest.slice(slashAt + 1));
  if (slashAt <= 0 || action === undefined) {
    throw new OllaError(
      "route_not_found",
      `There is no route ${path}; below ${endpointsPath}/{name}/ there are ${actions.join(", ")}`,
    );
  }
  return { name: decodeSegment(rest.slice(0, slashAt)), action };
}

function findEndpoint(name: string, { endpoints }: Pick<MaintenanceSources, "endpoints">): EndpointView {
  const views = endpoints.snapshot();
  const found = views.find(({ endpoint }) => endpoint.name === name);
  if (found !== undefined) return found;
  const names = views.map(({ endpoint }) => endpoint.name);
  const nearest = nearestNames(name, names, 3);
  const hint = (nearest.length === 0 ? names.slice(0, 10) : nearest).map((each) => `"${each}"`).join(", ");
  throw new OllaError(
    "endpoint_not_found",
    `There is no endpoint "${name.slice(0, 100)}"${hint === "" ? "" : `; there are ${hint}`}`,
  );
}

function renderState(
  { endpoint, health, isDraining }: EndpointView,
  { connections, queues }: MaintenanceSources,
): object {
  return {
    endpoint: endpoint.name,
    draining: isDraining === true,
    status: health.status,
    connections: connections.of(endpoint.name),
    queued: queues?.queueDepth(endpoint.name) ?? 0,
  };
}
