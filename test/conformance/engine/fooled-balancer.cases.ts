import { expect } from "bun:test";
import { balancerNames } from "../../../src/balancer/balancer.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { answerJson, completionOf } from "../../support/upstream-behaviours.ts";
import { type EngineCase, endpointOf, post, systemStatus } from "./engine-case.ts";

const requests = 1_000;
const clients = 20;

/** An endpoint that refuses at once has the fewest requests under way, and so looks like the best one. */
export const fooledBalancerCases: readonly EngineCase[] = balancerNames.map((balancer) => ({
  name: `${balancer}: an endpoint that answers 503 at once gets less than 5 % of ${requests} requests, all of which are served`,
  async run(harness) {
    await using refusing = new FakeUpstream({ behave: answerJson({ error: "busy" }, 503) });
    await using serving = new FakeUpstream({
      async behave(exchange) {
        await new Promise((resolve) => setTimeout(resolve, 4));
        await exchange.respondJson(completionOf("fine"));
      },
    });
    await using olla = await harness.start({
      endpoints: [endpointOf(refusing, "refusing"), endpointOf(serving, "serving")],
      proxy: { load_balancer: balancer },
      sections: { logging: { level: "error", format: "json" } },
    });
    let left = requests;
    let served = 0;
    const work = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const answer = await post(olla);
        await answer.text();
        if (answer.status === 200) served += 1;
      }
    };
    await Promise.all(Array.from({ length: clients }, work));
    expect(served).toBe(requests);
    expect(serving.requests.length).toBe(requests);
    expect(refusing.requests.length).toBeLessThan(requests * 0.05);
    expect((await systemStatus(olla)).active_connections).toBe(0);
  },
}));
