// Where nobody knows what is loaded, a balancer with warm-first around it is the balancer that it was.
import { describe } from "bun:test";
import { balancerNames } from "../../src/balancer/balancer.ts";
import { createBalancer } from "../../src/balancer/balancer-by-name.ts";
import { createWarmFirstBalancer } from "../../src/balancer/warm-first.ts";
import { LoadedModels } from "../../src/models/loaded/loaded-models.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { describeAnyBalancer } from "./balancer.cases.ts";

for (const name of balancerNames) {
  describe(`${name}, warm first`, () => {
    describeAnyBalancer((connections) => {
      const loaded = new LoadedModels({ clock: createFakeClock(), onNews: () => {} });
      const inner = createBalancer(name, { connections, random: seededRandom(3) });
      return createWarmFirstBalancer(inner, loaded, connections);
    });
  });
}
