import { configFamilies } from "./config-families.ts";
import type { MetricFamily } from "./family.ts";
import { fleetFamilies } from "./fleet-families.ts";
import { inheritedFamilies } from "./inherited-families.ts";
import { inheritedModelFamilies } from "./inherited-model-families.ts";
import { processFamilies } from "./process-families.ts";
import { trafficFamilies } from "./traffic-families.ts";

/** Everything that is exposed, in the order of the documentation. */
export const allFamilies: readonly MetricFamily[] = [
  ...trafficFamilies,
  ...fleetFamilies,
  ...configFamilies,
  ...processFamilies,
  ...inheritedFamilies,
  ...inheritedModelFamilies,
];
