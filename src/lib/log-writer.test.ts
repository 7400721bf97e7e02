import { expect, test } from "bun:test";
import { type Clock, systemClock } from "./clock.ts";
import { createTextFormatter, formatJson } from "./log-format.ts";
import { createLogger, type LineOutput } from "./log-writer.ts";

const clock: Clock = { ...systemClock, wallTime: () => new Date(2026, 0, 2, 3, 4, 5).getTime() };

function collectLines(): LineOutput & { lines: string[] } {
  const lines: string[] = [];
  return { lines, write: (text) => void lines.push(text), flush: () => Promise.resolve() };
}

test("a JSON record is one line with timestamp, level and msg first, then its fields", () => {
  const output = collectLines();
  createLogger({ level: "info", format: formatJson, output, clock }).info("ready", {
    port: 1,
    none: undefined,
  });
  expect(output.lines).toEqual([
    '{"timestamp":"2026-01-02 03:04:05","level":"info","msg":"ready","port":1}\n',
  ]);
});

test("a field cannot replace the level or the message", () => {
  const output = collectLines();
  const logger = createLogger({ level: "info", format: formatJson, output, clock });
  logger.warn("real", { level: "debug", msg: "forged" });
  expect(JSON.parse(output.lines[0] ?? "")).toMatchObject({ level: "warn", msg: "real" });
});

test("records below the level are dropped", () => {
  const output = collectLines();
  const logger = createLogger({ level: "warn", format: formatJson, output, clock });
  logger.info("quiet");
  logger.error("loud");
  expect(output.lines).toHaveLength(1);
  expect([logger.isEnabled("info"), logger.isEnabled("warn")]).toEqual([false, true]);
});

test("a text record reads as a sentence with key=value behind it, values with spaces quoted", () => {
  const output = collectLines();
  const logger = createLogger({ level: "debug", format: createTextFormatter(false), output, clock });
  logger.info("Endpoint is up", { endpoint: "my gpu", models: ["a", "b"], ms: 12 });
  expect(output.lines).toEqual(['03:04:05 INFO  Endpoint is up  endpoint="my gpu" models=a,b ms=12\n']);
});

test("colour is used only where it was asked for", () => {
  const wallTime = clock.wallTime();
  expect(createTextFormatter(true)(wallTime, "error", "x", {})).toContain("\u001b[31m");
  expect(createTextFormatter(false)(wallTime, "error", "x", {})).not.toContain("\u001b");
});

test("a value from outside can neither break the line nor send terminal commands", () => {
  const line = createTextFormatter(false)(clock.wallTime(), "info", "a\nb", { path: "/x\u001b[2J\r\n" });
  for (const dangerous of ["\n", "\r", "\u001b"]) expect(line).not.toContain(dangerous);
});

test("the file gets JSON whatever the console gets, and its failure is one warning", () => {
  const output = collectLines();
  const written: string[] = [];
  const file = {
    append(text: string): void {
      if (written.length === 1) throw new Error("disk full");
      written.push(text);
    },
  };
  const logger = createLogger({ level: "info", format: createTextFormatter(false), output, file, clock });
  for (const message of ["one", "two", "three"]) logger.info(message);
  expect(written).toEqual(['{"timestamp":"2026-01-02 03:04:05","level":"info","msg":"one"}\n']);
  expect(output.lines.filter((line) => line.includes("WARN"))).toHaveLength(1);
  expect(output.lines.filter((line) => line.includes("INFO"))).toHaveLength(3);
});
