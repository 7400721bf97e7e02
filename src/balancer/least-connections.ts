import type { ActiveConnections, Balancer, Candidates } from "./balancer.ts";
import { oncePerList } from "./candidate-lists.ts";
import { pickAt } from "./pick.ts";

/** The endpoint with the fewest requests under way; those that are level take turns, in configuration order. */
export function createLeastConnectionsBalancer(connections: ActiveConnections): Balancer {
  const countersOf = oncePerList((candidates: Candidates) =>
    candidates.map(({ endpoint }) => connections.counterOf(endpoint.name)),
  );
  let cursor = 0;
  return {
    name: "least-connections",
    select(candidates) {
      const counters = countersOf(candidates);
      let fewest = Number.POSITIVE_INFINITY;
      let level = 0;
      for (const { count } of counters) {
        if (count < fewest) {
          fewest = count;
          level = 1;
        } else if (count === fewest) {
          level += 1;
        }
      }
      // The cursor moves on a tie only, so that an endpoint that has just caught up is not passed over.
      let left = level > 1 ? cursor++ % level : 0;
      const index = counters.findIndex(({ count }) => count === fewest && left-- === 0);
      return pickAt(candidates, index);
    },
  };
}
