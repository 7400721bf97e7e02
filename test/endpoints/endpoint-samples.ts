import type { Endpoint } from "../../src/endpoints/endpoint.ts";
import type { LogFields, Logger, LogLevel } from "../../src/lib/log.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";

/** Compiled once: some tests make thousands of endpoints. */
const profile = builtinProfiles().find((each) => each.name === "openai-compatible");

/** A complete endpoint record; only what a test is about needs saying. */
export function sampleEndpoint(overrides: Partial<Endpoint> = {}): Endpoint {
  if (profile === undefined) throw new Error("no openai-compatible profile");
  const url = overrides.url ?? `http://${overrides.name ?? "box"}.invalid:8000`;
  return {
    name: "box",
    id: "box-id",
    url,
    origin: url,
    basePath: "",
    preservePath: false,
    profile,
    isAutoDetected: false,
    priority: 100,
    weight: 1,
    healthUrl: `${url}/health`,
    modelsUrl: `${url}/v1/models`,
    hasOwnModelsUrl: false,
    checkIntervalMs: 5_000,
    checkTimeoutMs: 2_000,
    requestHeaders: [],
    secretHeaderNames: new Set(),
    admitsModel: () => true,
    timeouts: { connectMs: 10_000, responseHeaderMs: 0, readMs: 0 },
    ...overrides,
  };
}

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly records: LogRecord[] } {
  const records: LogRecord[] = [];
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    records.push({ level, message, fields });
  };
  return {
    records,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    isEnabled: () => true,
  };
}
