// Endpoints that fail at random under load. The long version is run by hand: see run.ts.
import { expect, test } from "bun:test";
import { engineNames } from "../../src/proxy/engine.ts";
import { runChaos } from "./chaos-run.ts";

const seconds = 8;

for (const engine of engineNames) {
  test(`the ${engine} engine serves what can be served while endpoints fail at random, and hides nothing`, async () => {
    const seed = Number(process.env.OLLA_TEST_CHAOS_SEED ?? Date.now() % 1_000_000);
    console.log(`chaos: engine ${engine}, seed ${seed} (OLLA_TEST_CHAOS_SEED=${seed} repeats it)`);
    const report = await runChaos({ engine, seed, seconds, clients: 50 });
    expect(report.violations).toEqual([]);
    expect(report.illAtMost).toBeGreaterThanOrEqual(2);
    expect(report.complete).toBeGreaterThan(200);
    expect(Object.values(report.troubles).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
  }, 60_000);
}
