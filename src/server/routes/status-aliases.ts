import type { ServerDependencies } from "../dependencies.ts";

/** What each alias stands for, step by step, and which endpoints have that, well or not. In configuration order. */
export function renderAliases({
  aliases,
  catalog,
  endpoints,
}: Pick<ServerDependencies, "aliases" | "catalog" | "endpoints">): readonly object[] {
  const statuses = new Map(
    endpoints.snapshot().map(({ endpoint, health }) => [endpoint.name, health.status]),
  );
  return aliases.all.map(({ name, steps }) => ({
    name,
    targets: steps.flatMap(({ targets }, index) =>
      targets.map(({ model, endpointName }) => ({
        step: index + 1,
        model,
        endpoints: catalog
          .placesOf(model)
          .filter((place) => endpointName === undefined || place.endpointName === endpointName)
          .map((place) => ({ name: place.endpointName, status: statuses.get(place.endpointName) })),
      })),
    ),
  }));
}
