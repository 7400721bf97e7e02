import { expect, test } from "bun:test";
import { chooseLogFormat, createConsoleFormatter, readLogFileSettings } from "./log-settings.ts";
import { hasColour } from "./terminal.ts";

const formatCases = [
  { env: {}, isScreen: false, configured: "json", expected: "json" },
  { env: {}, isScreen: false, configured: "text", expected: "text" },
  { env: {}, isScreen: true, configured: "json", expected: "text" },
  { env: {}, isScreen: true, configured: "text", expected: "text" },
  // The loader has put the variable's value into the configuration by then.
  { env: { OLLA_LOGGING_FORMAT: "json" }, isScreen: true, configured: "json", expected: "json" },
  { env: { OLLA_LOG_FORMAT: "json" }, isScreen: true, configured: "json", expected: "json" },
  { env: { OLLA_LOGGING_FORMAT: "text" }, isScreen: false, configured: "text", expected: "text" },
  { env: { OLLA_LOGGING_FORMAT: "" }, isScreen: true, configured: "json", expected: "text" },
] as const;

for (const { env, isScreen, configured, expected } of formatCases) {
  const where = isScreen ? "on a screen" : "into a pipe";
  test(`logs are ${expected} ${where} with ${JSON.stringify(env)} and format ${configured}`, () => {
    expect(chooseLogFormat(configured, { env, isScreen })).toBe(expected);
  });
}

test("colour: NO_COLOR, then FORCE_COLOR, then OLLA_FORCE_COLORS, then the screen decides", () => {
  expect(hasColour({ env: { NO_COLOR: "1", FORCE_COLOR: "1" }, isScreen: true })).toBe(false);
  expect(hasColour({ env: { FORCE_COLOR: "1", OLLA_FORCE_COLORS: "false" }, isScreen: false })).toBe(true);
  expect(hasColour({ env: { FORCE_COLOR: "0" }, isScreen: true })).toBe(false);
  expect(hasColour({ env: { OLLA_FORCE_COLORS: "TRUE" }, isScreen: false })).toBe(true);
  expect(hasColour({ env: { OLLA_FORCE_COLORS: "yes" }, isScreen: true })).toBe(false);
  expect(hasColour({ env: { NO_COLOR: "" }, isScreen: true })).toBe(true);
});

test("the log file's variables have the documented defaults", () => {
  expect(readLogFileSettings({})).toEqual({
    folder: "./logs",
    maxBytes: 1_048_576,
    maxBackups: 7,
    maxAgeMs: 1_209_600_000,
  });
});

test("a log file variable that is no number is named", () => {
  expect(() => readLogFileSettings({ OLLA_LOG_SIZE_MB: "big" })).toThrow("OLLA_LOG_SIZE_MB");
});

test("an access line on a screen is short enough to read, and other records keep everything", () => {
  const format = createConsoleFormatter(false);
  const access = format(0, "info", "request", {
    request_id: "quiet-fox-1",
    method: "POST",
    path: "/olla/openai/v1/chat/completions",
    status: 200,
    endpoint: "desk",
    ending: "complete",
    attempts: 1,
    routing_strategy: "strict",
    user_agent: "curl/8",
    duration_ms: 12.5,
  });
  expect(access).toEndWith(
    "INFO  200 POST /olla/openai/v1/chat/completions  endpoint=desk ms=12.5 id=quiet-fox-1",
  );
  expect(format(0, "warn", "Endpoint is gone", { endpoint: "desk" })).toEndWith("endpoint=desk");
});
