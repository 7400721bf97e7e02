import { OllaError } from "../errors.ts";
import type { EndpointInView } from "./prospect.ts";
import type { Rejection, Route } from "./route.ts";

/** The way of a request whose client has named the endpoint: there, or nowhere. Aliases and model names have no say. */
export function routePinned(
  endpointName: string,
  model: string | undefined,
  endpoints: readonly EndpointInView[],
): Route | Rejection {
  const found = endpoints.find(({ endpoint }) => endpoint.name === endpointName);
  if (found === undefined) {
    const error = new OllaError("endpoint_not_found", `endpoint "${endpointName}" is not there any more`);
    return { error, decision: undefined };
  }
  const { endpoint, health } = found;
  const considered = () =>
    endpoints.map((view) => ({
      endpoint: view.endpoint.name,
      model: view === found ? model : undefined,
      skipped: view === found ? undefined : ("not_named" as const),
      rank: 0,
      health: view.health.status,
    }));
  return { candidates: [{ endpoint, status: health.status, model }], decision: undefined, considered };
}
