import type { Handler, MiddlewareHandler } from "hono";
import { takesRequests } from "../../endpoints/endpoint-status.ts";
import { OllaError } from "../../errors.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { hideNamesakes } from "../../models/alias-models.ts";
import { findModel, findModelAt, renderModelDetail } from "../../models/listings/model-detail.ts";
import { renderListing } from "../../models/listings/render-listing.ts";
import {
  type EndpointView,
  type ModelQuery,
  narrowAlias,
  selectModels,
} from "../../models/listings/select-models.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { modelsVisibleTo } from "../guard/visible-models.ts";
import { jsonResponse } from "../json-response.ts";

export const modelsPath = "/olla/models";

/** Zod is large and many a process never lists its models this way: it is loaded by the first who asks. */
export const checkModelQuery: MiddlewareHandler<DirectEnv, string, { out: { query: ModelQuery } }> = async (
  c,
  next,
) => {
  const { modelQueryValidator } = await import("./model-query.ts");
  return modelQueryValidator(c, next);
};

type ListingSources = Pick<ServerDependencies, "listedModels" | "endpoints" | "settings">;

/** The body of `GET /olla/models`. */
export function renderModels(
  query: ModelQuery,
  { listedModels, endpoints, settings }: ListingSources,
  key: ClientKey | undefined,
): object {
  const models = selectModels(modelsVisibleTo(key, listedModels), query, viewOf(endpoints));
  return renderListing(query.format ?? "unified", models, { processStartedAt: settings.startedAt });
}

/** `GET /olla/models/{id}`: an id or a name, slashes and colons included. */
export function modelDetail({
  catalog,
  listedModels,
  endpoints,
  clock,
}: Pick<ServerDependencies, "catalog" | "listedModels" | "endpoints" | "clock">): Handler<DirectEnv> {
  return (c) => {
    const id = decodeSegment(c.env.path.slice(modelsPath.length + 1));
    if (id === "") throw new OllaError("invalid_request", "Model ID or alias required");
    const { isRoutable } = viewOf(endpoints);
    const models = hideNamesakes(
      modelsVisibleTo(c.env.clientKey, listedModels).map((model) =>
        narrowAlias(model, ({ endpointName }) => isRoutable(endpointName)),
      ),
    );
    const found = findModel(models, id) ?? findModelAt(models, catalog.placesOf(id));
    if (found === undefined)
      throw unknownModel(
        id,
        models.flatMap((model) => [model.id, ...model.aliases.map(({ name }) => name)]),
      );
    return jsonResponse(renderModelDetail(found, clock.wallTime()));
  };
}

/** How the endpoints are at this moment, as listings ask for it. */
export function viewOf(endpoints: ServerDependencies["endpoints"]): EndpointView {
  const views = endpoints.snapshot();
  const routable = new Set(views.filter(takesRequests).map(({ endpoint }) => endpoint.name));
  return {
    isRoutable: (name) => routable.has(name),
    resolveName: (nameOrUrl) =>
      views.find(({ endpoint }) => endpoint.name === nameOrUrl || endpoint.url === nameOrUrl)?.endpoint.name,
  };
}

/** @param names those that there are, to guess the one that was meant */
export function unknownModel(id: string, names: readonly string[]): OllaError {
  const nearest = nearestNames(id, names, 3);
  const hint = nearest.length === 0 ? "" : `. Did you mean ${nearest.join(" or ")}?`;
  return new OllaError("model_not_found", `Model not found: ${id}${hint}`, { field: "model" });
}
