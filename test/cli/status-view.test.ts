import { expect, test } from "bun:test";
import { type FleetBodies, readFleet } from "../../src/cli/fleet-view.ts";
import { widthOf } from "../../src/cli/safe-text.ts";
import { renderStatus, type StatusOptions } from "../../src/cli/status-view.ts";
import { createPainter } from "../../src/cli/terminal.ts";
import { sampleBodies } from "./fleet-samples.ts";

const rates = { requests: 2.1, tokens: 85.4, errors: 0, overMs: 10_000 };

function render(changes: Partial<StatusOptions> = {}, bodies: FleetBodies = sampleBodies): string[] {
  const painter = createPainter(false);
  return renderStatus(readFleet(bodies), { shown: "http://localhost:40114", painter, width: 80, ...changes });
}

test("a fleet on 80 columns, once", () => {
  expect(`\n${render().join("\n")}\n`).toBe(`
Olla 0.1.0 · ○ degraded · up 2h 5m · http://localhost:40114
3/4 endpoints up · 7 in flight · 2 waiting · olla engine
12.3k requests · 98.5% ok · 185 failed · tokens 4.6M in, 988k out

ENDPOINT      STATUS    BREAKER       RUN  QUEUE  REQS     OK    AVG  MODELS
● gpu-box     healthy                 4/4      2  8000   100%  850ms       1
● desk        healthy   1 model open    2         4300  99.1%   2.3s      12
◐ mac-studio  draining                  1           45   100%  125ms       2
○ attic       offline   open 12s        0            0                     0

MODEL                              AT                LOADED AT  TOKENS IN    OUT
meta-llama/Llama-3.3-70B-Instruc…  gpu-box                           4.4M   943k
llama3.2:latest                    desk, mac-studio  desk            120k  45.0k
nomic-embed-text                   desk              nowhere

ALIAS
fast → llama3.2:latest at desk | gpt-oss:20b at no endpoint
`);
});

test("a wide screen has room for kinds, sizes, issues and whole names", () => {
  const text = render({ width: 140 }).join("\n");
  for (const wanted of [
    "lm-studio",
    "1.88 GB",
    "unavailable",
    "with-a-long-name",
    "least-connections balancer",
  ]) {
    expect(text).toContain(wanted);
  }
});

test("a file that could not be put in force is told above all endpoints", () => {
  const config = { file: "config.yaml", is_current: false, last_reload: { errors: 2 } };
  const bodies = { ...sampleBodies, status: { ...sampleBodies.status, config } };
  expect(render({}, bodies)[3]).toBe("▲ config.yaml has 2 errors; what was in force before stays");
});

test("while watching, rates have a line of their own from the first look on", () => {
  expect(render({ rates })[3]).toBe("last 10s · 2.1 requests/s · 85 tokens/s · 0 errors/s · q quits");
  expect(render({ rates: "none" })[3]).toBe("rates come with the next look · q quits");
  expect(render({ rates })).toHaveLength(render().length + 1);
});

test("when the server has gone, what is shown says how old it is, and nothing moves", () => {
  const silence = { reason: "nothing listens at http://localhost:40114", ageMs: 12_400 };
  const lines = render({ rates, silence });
  expect(lines[0]).toBe("Olla 0.1.0 · ○ no answer for 12s: this is how it was · http://localhost:40114");
  expect(lines[3]).toBe("nothing listens at http://localhost:40114");
  expect(lines.slice(4)).toEqual(render({ rates }).slice(4));
});

test("no line is wider than the screen, nor are there more than fit, whatever its size", () => {
  for (let width = 20; width <= 160; width += 7) {
    for (let height = 4; height <= 30; height += 3) {
      const lines = render({ width, height, rates });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
  }
});

test("what does not fit is counted", () => {
  const text = render({ height: 9, rates }).join("\n");
  expect(text).toContain("and 2 more endpoints");
  expect(text).not.toContain("MODEL ");
  expect(render({ height: 16 }).join("\n")).toContain("and 2 more models");
});

test("names cannot give orders to the terminal", () => {
  const bad = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r\nx";
  const hostile = JSON.parse(
    JSON.stringify(sampleBodies, (_name, value) =>
      typeof value === "string" && value !== "closed" ? bad : value,
    ),
  ) as FleetBodies;
  for (const width of [30, 80, 200]) {
    const lines = render({ width, rates }, hostile);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
  }
});

test("colours change nothing but the colour", () => {
  const painted = render({ painter: createPainter(true), rates }).join("\n");
  expect(painted).toContain("\u001b[32mhealthy");
  expect(Bun.stripANSI(painted).replace(/ +$/gm, "")).toBe(render({ rates }).join("\n"));
});

test("an Olla that says little or nonsense is shown as far as it goes", () => {
  expect(render({}, { status: {}, endpoints: {}, models: {} }).join("\n")).toContain("No endpoints");
  const strange = {
    status: { system: [], proxy: 7 },
    endpoints: { endpoints: [null, 3, {}] },
    models: { model_groups: "x" },
  };
  expect(render({}, strange).length).toBeGreaterThan(3);
});
