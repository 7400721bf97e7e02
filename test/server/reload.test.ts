import { expect, test } from "bun:test";
import type { KeptParts } from "../../src/app/kept-parts.ts";
import type { AppSettings } from "../../src/app/options.ts";
import { createReload } from "../../src/app/reload.ts";
import { createFakeClock } from "../support/fake-clock.ts";

test("a fault of our own is a reload that was rejected, with a line to report, and the next one is tried", async () => {
  const lines: string[] = [];
  const write = (message: string, fields = {}) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { isEnabled: () => true, debug: write, info: write, warn: write, error: write };
  let readings = 0;
  let ended = 0;
  const reload = createReload(
    { clock: createFakeClock(), logger },
    {
      async read() {
        readings += 1;
        throw new Error(`fault ${readings}`);
      },
      onEnded() {
        ended += 1;
      },
    },
    // Nothing of these is looked at before the reading.
    { kept: {} as KeptParts, inForce: { settings: {} as AppSettings }, renew: () => undefined },
  );
  const reports = await Promise.all([reload.run("file"), reload.run("signal")]);
  expect(reports).toMatchObject([
    { status: "rejected", cause: "file", problems: [{ message: "fault 1" }] },
    { status: "rejected", cause: "signal", problems: [{ message: "fault 2" }] },
  ]);
  expect([ended, reload.counts.rejected, reload.last]).toEqual([2, 2, reports[1]]);
  expect(lines.join("\n")).toContain("please report it");
});
