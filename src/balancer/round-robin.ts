import type { Balancer, Candidates } from "./balancer.ts";
import { oncePerList } from "./candidate-lists.ts";
import { pickAt } from "./pick.ts";

/** Far more combinations than real configurations have; past it all rotations start again. */
const maxRotations = 4096;

/**
 * Takes turns in configuration order. Each combination of endpoints has a rotation of its own: with a single counter,
 * two models asked for in alternation would each meet the same endpoint every time.
 */
export function createRoundRobinBalancer(): Balancer {
  const ordinals = new Map<string, number>();
  const rotations = new Map<number, { next: number }>();

  const ordinalOf = (endpointName: string): number => {
    const known = ordinals.get(endpointName);
    if (known !== undefined) return known;
    const ordinal = ordinals.size + 1;
    ordinals.set(endpointName, ordinal);
    return ordinal;
  };

  const keyOf = oncePerList((candidates: Candidates) => {
    // A number and not a joined name, so that nothing is allocated. Two combinations that collide share a rotation.
    let key = candidates.length;
    for (const { endpoint } of candidates) key = (Math.imul(key, 31) + ordinalOf(endpoint.name)) | 0;
    return key;
  });

  const rotationOf = (candidates: Candidates): { next: number } => {
    const key = keyOf(candidates);
    const known = rotations.get(key);
    if (known !== undefined) return known;
    if (rotations.size >= maxRotations) rotations.clear();
    const rotation = { next: 0 };
    rotations.set(key, rotation);
    return rotation;
  };

  return {
    name: "round-robin",
    select(candidates) {
      const rotation = rotationOf(candidates);
      const index = rotation.next % candidates.length;
      rotation.next = index + 1;
      return pickAt(candidates, index);
    },
  };
}
