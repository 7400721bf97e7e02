import { describe, test } from "bun:test";
import { startOlla } from "../support/start-olla.ts";
import type { EngineHarness } from "./engine/engine-case.ts";
import { engineCases } from "./engine.cases.ts";

const sherpa: EngineHarness = {
  start: (settings) => startOlla({ ...settings, proxy: { ...settings.proxy, engine: "sherpa" } }),
};

describe("the sherpa engine", () => {
  for (const { name, run } of engineCases) test(name, () => run(sherpa));
});
