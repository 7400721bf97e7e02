import { breakerCases } from "./engine/breaker.cases.ts";
import { cutStreamCases } from "./engine/cut-streams.cases.ts";
import { deliveryCases } from "./engine/delivery.cases.ts";
import type { EngineCase } from "./engine/engine-case.ts";
import { failoverCases } from "./engine/failover.cases.ts";
import { firstEventCases } from "./engine/first-event.cases.ts";
import { fooledBalancerCases } from "./engine/fooled-balancer.cases.ts";
import { hangUpCases } from "./engine/hang-up.cases.ts";
import { limitCases } from "./engine/limits.cases.ts";
import { passthroughCases } from "./engine/passthrough.cases.ts";
import { queueCases } from "./engine/queue.cases.ts";
import { retryCases } from "./engine/retry.cases.ts";
import { streamingCases } from "./engine/streaming.cases.ts";
import { timeCases } from "./engine/time.cases.ts";
import { translatedCases } from "./engine/translated.cases.ts";

/** What every engine does, through the whole app and real sockets. Each engine's test file runs all of them. */
export const engineCases: readonly EngineCase[] = [
  ...passthroughCases,
  ...streamingCases,
  ...hangUpCases,
  ...failoverCases,
  ...limitCases,
  ...retryCases,
  ...firstEventCases,
  ...cutStreamCases,
  ...queueCases,
  ...timeCases,
  ...translatedCases,
  ...deliveryCases,
  ...fooledBalancerCases,
  ...breakerCases,
];
