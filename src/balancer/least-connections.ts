import type { ActiveConnections, Balancer } from "./balancer.ts";
import { pickAt } from "./pick.ts";

/** The endpoint with the fewest requests under way; those that are level take turns, in configuration order. */
export function createLeastConnectionsBalancer(connections: ActiveConnections): Balancer {
  let cursor = 0;
  return {
    name: "least-connections",
    select(candidates) {
      let fewest = Number.POSITIVE_INFINITY;
      let level = 0;
      for (const { endpoint } of candidates) {
        const active = connections.of(endpoint.name);
        if (active < fewest) {
          fewest = active;
          level = 1;
        } else if (active === fewest) {
          level += 1;
        }
      }
      // The cursor moves on a tie only, so that an endpoint that has just caught up is not passed over.
      let left = level > 1 ? cursor++ % level : 0;
      const index = candidates.findIndex(
        ({ endpoint }) => connections.of(endpoint.name) === fewest && left-- === 0,
      );
      return pickAt(candidates, index);
    },
  };
}
