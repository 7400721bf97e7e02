import { expect, test } from "bun:test";
import { join } from "node:path";
import { readFleet } from "../../src/cli/fleet-view.ts";
import { createList } from "../../src/cli/requests.ts";
import { renderStatus } from "../../src/cli/status-view.ts";
import { createPainter } from "../../src/cli/terminal.ts";
import { renderTrace } from "../../src/cli/trace-view.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { sampleBodies } from "./fleet-samples.ts";
import { sampleNow, sampleRows, sampleTrace, sampleTraced } from "./request-samples.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/terminal.md")).text();
const blocks = [...page.matchAll(/```text\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
const painter = createPainter(false);
const overTheWire = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
/** The page has one time zone, machines have others. */
const withoutTimes = (text: string) => text.replace(/\d\d:\d\d:\d\d/g, "HH:MM:SS");

test("the page shows what the commands print", () => {
  const rates = { requests: 2.1, tokens: 85.4, errors: 0, overMs: 10_000 };
  const shown = "http://localhost:40114";
  const status = renderStatus(readFleet(sampleBodies), { shown, painter, width: 80, rates });
  let list = "";
  createList(
    {},
    {
      out(text) {
        list += text;
      },
      err() {},
      env: {},
      cwd: "/",
      isScreen: false,
      size: () => ({ columns: 116, rows: 24 }),
      exitNow() {},
    },
    () => sampleNow,
  ).print(sampleRows.map(overTheWire));
  const trace = renderTrace(overTheWire({ request: sampleTraced, trace: sampleTrace }), {
    painter,
    width: 80,
    now: sampleNow,
  });
  expect(blocks.map(withoutTimes)).toEqual(
    [`${status.join("\n")}\n`, list, `${trace.join("\n")}\n`].map(withoutTimes),
  );
});
