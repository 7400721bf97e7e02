import type { Maintenance } from "../server/routes/maintenance.ts";
import type { Fleet } from "./fleet.ts";

export function createMaintenance({ registry, checker, discovery }: Fleet): Maintenance {
  return {
    setDraining: (name, isDraining) => void registry.setDraining(name, isDraining),
    probe: (name) => checker.checkNow(name, true),
    refreshModels: () => discovery.refreshAll(),
  };
}
