import { describe, test } from "bun:test";
import type { EngineName } from "../../src/proxy/engine.ts";
import { startOlla } from "../support/start-olla.ts";
import type { EngineHarness } from "./engine/engine-case.ts";
import { engineCases } from "./engine.cases.ts";

/** One test for each case, through the whole app with that engine. */
export function runEngineCases(engine: EngineName): void {
  const harness: EngineHarness = {
    engine,
    start: (settings) => startOlla({ ...settings, proxy: { ...settings.proxy, engine } }),
  };
  describe(`the ${engine} engine`, () => {
    for (const { name, run, notBy } of engineCases) {
      const reason = notBy?.[engine];
      if (reason === undefined) test(name, () => run(harness));
      else test.skip(`${name} (skipped: ${reason})`, () => {});
    }
  });
}
