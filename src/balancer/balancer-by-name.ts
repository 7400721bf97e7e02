import type { ActiveConnections, Balancer, BalancerName } from "./balancer.ts";
import { createLeastConnectionsBalancer } from "./least-connections.ts";
import { createPriorityBalancer, type RandomSource } from "./priority.ts";
import { createRoundRobinBalancer } from "./round-robin.ts";

export interface BalancerContext {
  readonly connections: ActiveConnections;
  readonly random: RandomSource;
}

/** A balancer with a state of its own: one per process, because turns are taken across all requests. */
export function createBalancer(name: BalancerName, { connections, random }: BalancerContext): Balancer {
  switch (name) {
    case "priority":
      return createPriorityBalancer(connections, random);
    case "round-robin":
      return createRoundRobinBalancer();
    case "least-connections":
      return createLeastConnectionsBalancer(connections);
  }
}
