import { Stats } from "../observe/stats.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";

/** The statistics, which know what models there are and forget an endpoint that goes. */
export function createStats({ clock }: AppOptions, { catalog, registry }: Fleet): Stats {
  const spellModel = (endpoint: string, model: string) => {
    const places = catalog.placesOf(model);
    const place = places.find(({ endpointName }) => endpointName === endpoint) ?? places[0];
    return place?.model.name;
  };
  const stats = new Stats(clock, { spellModel });
  registry.onEndpointsReplaced(() =>
    stats.retainEndpoints(registry.snapshot().map(({ endpoint }) => endpoint.name)),
  );
  return stats;
}
