// Whether Olla has become slow. Runs when asked for (`npm run test:speed`): it takes the machine's time.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { describeJudgement, type Judgement, judgeTwice, workKinds } from "../../bench/speed-guard.ts";
import { speedObstacle, startSpeedBench } from "../../bench/speed-ratio.ts";

const limitMs = 120_000;
const rounds = { first: 5, second: 7 };
const obstacle = process.env.OLLA_TEST_SPEED === "1" ? speedObstacle() : "run by npm run test:speed";

function print(look: string, judgements: readonly Judgement[]): void {
  for (const judgement of judgements) console.log(`${look}: ${describeJudgement(judgement)}`);
}

describe.skipIf(obstacle !== undefined)(
  `speed beside a minimal proxy${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    let judgements: readonly Judgement[] = [];

    beforeAll(async () => {
      await using bench = await startSpeedBench();
      judgements = await judgeTwice((count) => bench.measure(count), {
        ...rounds,
        onBadLook: (bad) => print("first look", bad),
      });
    }, limitMs);

    afterAll(() => print("measured", judgements));

    for (const kind of workKinds) {
      test(`the CPU for ${kind === "small" ? "a small request" : "a chunk of a stream"} is within its limit`, () => {
        const judgement = judgements.find((each) => each.kind === kind);
        expect(judgement).toBeDefined();
        expect(judgement?.ratio).toBeLessThanOrEqual(judgement?.limit ?? 0);
      });
    }
  },
);
