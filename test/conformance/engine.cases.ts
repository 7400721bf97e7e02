import type { EngineCase } from "./engine/engine-case.ts";
import { failoverCases } from "./engine/failover.cases.ts";
import { hangUpCases } from "./engine/hang-up.cases.ts";
import { limitCases } from "./engine/limits.cases.ts";
import { passthroughCases } from "./engine/passthrough.cases.ts";
import { streamingCases } from "./engine/streaming.cases.ts";

/** What every engine does, through the whole app and real sockets. Each engine's test file runs all of them. */
export const engineCases: readonly EngineCase[] = [
  ...passthroughCases,
  ...streamingCases,
  ...hangUpCases,
  ...failoverCases,
  ...limitCases,
];
