import { expect, test } from "bun:test";
import { formatMoment } from "../../src/cli/request-view.ts";
import { createList, readFilters, readLimit } from "../../src/cli/requests.ts";
import { widthOf } from "../../src/cli/safe-text.ts";
import { createPainter, type Terminal } from "../../src/cli/terminal.ts";
import { renderTrace } from "../../src/cli/trace-view.ts";
import { helpFor } from "../../src/errors.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { sampleNow, sampleRow, sampleRows, sampleTrace, sampleTraced } from "./request-samples.ts";

const overTheWire = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
/** Clocks of the machine that runs the tests may be anywhere. */
const withoutTimes = (text: string) => text.replace(/\d\d:\d\d:\d\d/g, "HH:MM:SS");

function list(columns: number, ...batches: (readonly object[])[]): string {
  let written = "";
  const out = (text: string) => {
    written += text;
  };
  const terminal: Terminal = {
    out,
    err() {},
    env: {},
    cwd: "/",
    isScreen: false,
    size: () => ({ columns, rows: 24 }),
    exitNow() {},
  };
  const target = createList({}, terminal, () => sampleNow);
  for (const batch of batches) target.print(batch.map(overTheWire));
  return written;
}

test("the list has the newest request at its end, and what went wrong in words", () => {
  expect(`\n${withoutTimes(list(150, sampleRows))}`).toBe(`
TIME      ID                            MODEL → ENDPOINT              STATUS               TRIES  QUEUE   TTFT   TOOK      TOKENS  TOK/S  KEY
HH:MM:SS  quick-gecko-123412341234      lama3                         404 model_not_found                         1ms                     ann
HH:MM:SS  idle-raven-777777777777       llama3.2:latest → gpu-box     499 client_abort                          31.4s                     ann
HH:MM:SS  eager-ibex-99aabbccddee       llama3.2:latest → gpu-box     502 connect_refused      2                  8ms                     ann
HH:MM:SS  swift-puma-0a1b2c3d4e5f       llama3.2:latest → desk        200                      2   1.5s   2.4s   9.8s   12.4k+850    8.8  ann
HH:MM:SS  calm-otter-1f0c9a7be542       llama3.2:latest → gpu-box     200                                413ms   4.2s      35+210     52  ann
`);
});

test("on 80 columns ids stay whole, for they are to be copied, and so do the names of endpoints", () => {
  const lines = list(80, sampleRows).trimEnd().split("\n");
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80);
  for (const { id } of sampleRows) expect(lines.some((line) => line.includes(id))).toBe(true);
  expect(lines.filter((line) => line.includes("→ gpu-box"))).toHaveLength(3);
});

test("no line is wider than the screen", () => {
  for (let columns = 20; columns < 160; columns += 9) {
    for (const line of list(columns, sampleRows).split("\n"))
      expect(widthOf(line)).toBeLessThanOrEqual(columns);
  }
});

test("a request of another day has its day", () => {
  expect(formatMoment(sampleNow, sampleNow)).toMatch(/^\d\d:\d\d:\d\d$/);
  expect(formatMoment(sampleNow - 3 * 86_400_000, sampleNow)).toMatch(/^11-\d\d \d\d:\d\d:\d\d$/);
  expect(formatMoment(undefined, sampleNow)).toBe("");
});

test("what follows keeps the columns, and gets a heading only where they had to change", () => {
  const one = list(150, sampleRows, [sampleRow()]);
  expect(one.match(/ENDPOINT/g)).toHaveLength(1);
  const longer = list(150, sampleRows, [sampleRow({ model: "a-much-longer-name-than-any-before" })]);
  expect(longer.match(/ENDPOINT/g)).toHaveLength(2);
});

function trace(row: object, changes: object = {}, width = 80): string[] {
  const body = overTheWire({ request: row, trace: { ...sampleTrace, ...changes } });
  return renderTrace(body, { painter: createPainter(false), width, now: sampleNow });
}

test("a trace of a failure says where to read of it, in one piece", () => {
  const [refused] = sampleRows.filter((row) => "error_code" in row && row.error_code === "connect_refused");
  expect(trace(refused ?? {}, {}, 40)).toContain(`  help    ${helpFor("connect_refused")}`);
  expect(trace(sampleTraced).join("\n")).not.toContain("help");
});

test("a trace says where the request went, why, and where the time went", () => {
  expect(`\n${withoutTimes(trace(sampleTraced).join("\n"))}\n`).toBe(`
Request swift-puma-0a1b2c3d4e5f
  when    HH:MM:SS, took 9.8s
  asked   POST /olla/openai/v1/chat/completions, as a stream
  by      127.0.0.1, key ann
  for     fast, an alias, which became llama3.2:latest
  from    desk (vllm, sticky: miss)
  ended   200
  tokens  12.4k in (11.0k of them cached), 850 out, 86.7 a second

Where the time went
  ░░░░░░░░░▒▒▒▓▓██████████████████████████████████████████████
  ░ in the queue                     1.5s   16%
  ▒ lost to attempts that failed    520ms    5%
  ▓ until the first token           349ms    4%
  █ the rest of the answer           7.4s   76%

Who was considered
  routed by the strategy alias: model found on 3 endpoints
  ● gpu-box  asked as number 1
  ● desk     asked as number 2
  ● spare    a candidate that was not needed
  ◐ attic    passed over after 1ms: its circuit breaker was open
  ○ mac      skipped: does not have the model
  ○ cellar   skipped: not healthy (offline)

Attempts
  ✗ 1  gpu-box (llama3.2:latest), sent after 2ms, failed after another 520ms
       with connect_timeout: Endpoint "gpu-box" did not answer the connection
  ✓ 2  desk (llama3.2:latest), sent after 2.1s, having waited 1.5s for a place,
       answered 200 after another 340ms
`);
});

test("a request that was refused says so, without a bar of nothing", () => {
  const refused = trace(sampleRows.at(-1) ?? {}, {
    candidates: [],
    held_back: [],
    attempts: [],
    strategy: undefined,
    reason: undefined,
  });
  const text = refused.join("\n");
  expect(text).toContain("ended   404 model_not_found");
  expect(text).toContain('error   No endpoint has a model "lama3"');
  expect(text).toContain("none: no endpoint was asked");
  expect(text).not.toContain("Where the time went");
});

test("an answer in one piece has no first token, and one that was cut says how it ended", () => {
  const { ttft_ms: _ttft, ...timings } = sampleTrace.timings;
  const { ttft_ms: _first, ...whole } = sampleTraced;
  expect(trace(whole, { timings }).join("\n")).toContain("until the answer began");
  expect(trace({ ...sampleTraced, ending: "client-abort" }).join("\n")).toContain("then: client-abort");
});

test("requests that share an id are mentioned", () => {
  const body = overTheWire({ request: sampleTraced, trace: sampleTrace, others: 2 });
  const lines = renderTrace(body, { painter: createPainter(false), width: 80, now: sampleNow });
  expect(lines.at(-1)).toBe("2 earlier requests had the same id; the list shows them.");
});

test("reasons of a later Olla are shown as they are", () => {
  const candidates = [{ endpoint: "one", skipped: "moon_phase", rank: 0, health: "healthy" }];
  expect(trace(sampleTraced, { candidates }).join("\n")).toContain("one  skipped: moon_phase");
});

test("what clients and servers have made up cannot give orders to the terminal", () => {
  const bad = "\u001b[2J\u009b31m\r\n\u202ex";
  const spoil = (value: unknown) =>
    JSON.parse(JSON.stringify(value, (_name, each) => (typeof each === "string" ? bad : each))) as object;
  const lines = [
    ...trace(spoil(sampleTraced), spoil(sampleTrace)),
    ...list(80, [spoil(sampleRow())])
      .trimEnd()
      .split("\n"),
  ];
  expect(lines.length).toBeGreaterThan(15);
  for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  for (const width of [30, 80]) {
    for (const line of trace(sampleTraced, {}, width)) expect(widthOf(line)).toBeLessThanOrEqual(width);
  }
});

test("flags become the query of the list", () => {
  const query = readFilters({ model: "a b", endpoint: "gpu", key: "ann", status: "5XX", since: "15m" });
  expect(Object.fromEntries(query)).toEqual({
    model: "a b",
    endpoint: "gpu",
    key: "ann",
    status: "5xx",
    since: "15m",
  });
  expect(readLimit("500")).toBe(500);
});

test.each([
  [{ status: "6xx" }, "--status"],
  [{ status: "ok" }, "--status"],
  [{ since: "yesterday" }, "--since"],
  [{ since: "-5m" }, "--since"],
  [{ model: "" }, "--model"],
])("%p is wrong usage", (flags, message) => {
  expect(() => readFilters(flags)).toThrow(message);
});

test.each(["0", "-1", "many", "1e3", "501", ""])("--limit %p is wrong usage", (text) => {
  expect(() => readLimit(text)).toThrow("--limit");
});
