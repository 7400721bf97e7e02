import type { Clock } from "../lib/clock.ts";
import type { LogLevel } from "../lib/log.ts";
import { type LogFileSettings, openLogFile } from "../lib/log-file.ts";
import { createTextFormatter, formatJson, type LogFormatter } from "../lib/log-format.ts";
import { createDescriptorOutput, createLogger, type LogWriter } from "../lib/log-writer.ts";
import { hasColour, type Terminal } from "./terminal.ts";

export type LogFormat = "json" | "text";

/** The `logging` section, as far as it is needed here. */
export interface LoggingSettings {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly output: "stdout" | "file";
}

/**
 * A format asked for through the environment holds everywhere. Otherwise a screen gets text whatever the file says:
 * the file's `json` is meant for the log collector.
 */
export function chooseLogFormat(
  configured: LogFormat,
  { env, isScreen }: Pick<Terminal, "env" | "isScreen">,
): LogFormat {
  const isAskedFor = Boolean(env.OLLA_LOGGING_FORMAT || env.OLLA_LOG_FORMAT);
  return isScreen && !isAskedFor ? "text" : configured;
}

/** Variables of the log file. Throws an error that names the variable when one cannot be read. */
export function readLogFileSettings(env: Terminal["env"]): LogFileSettings {
  return {
    folder: env.OLLA_LOG_DIR || "./logs",
    maxBytes: readCount(env, "OLLA_LOG_SIZE_MB", 1, 1) * 1024 * 1024,
    maxBackups: readCount(env, "OLLA_LOG_MAX_BACKUPS", 7, 0),
    maxAgeMs: readCount(env, "OLLA_LOG_MAX_AGE_DAYS", 14, 0) * 24 * 60 * 60 * 1000,
  };
}

function readCount(env: Terminal["env"], name: string, fallback: number, lowest: number): number {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= lowest) return value;
  throw new Error(`${name}: expected a whole number of at least ${lowest}, got ${JSON.stringify(text)}`);
}

/** Text for people: access lines are cut down to what one reads while watching. JSON and the file have it all. */
export function createConsoleFormatter(isColoured: boolean): LogFormatter {
  const format = createTextFormatter(isColoured);
  return (wallTimeMs, level, message, fields) => {
    const { status, method, path, ending, attempts } = fields;
    if (message !== "request" || status === undefined) return format(wallTimeMs, level, message, fields);
    return format(wallTimeMs, level, `${status} ${method} ${path}`, {
      endpoint: fields.endpoint,
      model: fields.model,
      ms: fields.duration_ms,
      head_ms: fields.head_ms,
      bytes: fields.response_bytes,
      ending: ending === "complete" ? undefined : ending,
      attempts: attempts === 1 ? undefined : attempts,
      tried: fields.tried,
      error: fields.error,
      id: fields.request_id,
      help: fields.help,
    });
  };
}

/** The logger of a running program. A log file that cannot be opened is a warning, and logging goes on without it. */
export function openLog(settings: LoggingSettings, terminal: Terminal, clock: Clock): LogWriter {
  const format = chooseLogFormat(settings.format, terminal);
  const base = {
    level: settings.level,
    format: format === "json" ? formatJson : createConsoleFormatter(hasColour(terminal)),
    output: createDescriptorOutput(1),
    clock,
  };
  if (settings.output !== "file") return createLogger(base);
  const fileSettings = readLogFileSettings(terminal.env);
  try {
    return createLogger({ ...base, file: openLogFile(fileSettings, clock.wallTime) });
  } catch (error) {
    const logger = createLogger(base);
    logger.warn("The log file cannot be opened; logging goes on here only", {
      folder: fileSettings.folder,
      error: error instanceof Error ? error.message : String(error),
    });
    return logger;
  }
}
