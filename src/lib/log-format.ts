import type { LogFields, LogLevel } from "./log.ts";

/** Turns one record into one line, without its line break. */
export type LogFormatter = (
  wallTimeMs: number,
  level: LogLevel,
  message: string,
  fields: LogFields,
) => string;

// Control characters could move the cursor or hide text when someone reads the log in a terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const escapeSequence = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/g;

/** One JSON object a line: `timestamp`, `level`, `msg`, then the fields as they are. */
export function formatJson(wallTimeMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const timestamp = timestampOf(wallTimeMs);
  const text = message.replace(escapeSequence, "");
  if ("timestamp" in fields || "level" in fields || "msg" in fields) {
    // The three come last as well as first: a field must not be able to replace them, and the order is kept.
    const head = { timestamp, level, msg: text };
    return JSON.stringify({ ...head, ...fields, ...head });
  }
  // Written by hand: copying the fields of every access line costs more than writing them.
  const head = `{"timestamp":"${timestamp}","level":"${level}","msg":${JSON.stringify(text)}`;
  const rest = JSON.stringify(fields);
  return rest === "{}" ? `${head}}` : `${head},${rest.slice(1)}`;
}

const colourOfLevel: Readonly<Record<LogLevel, string>> = {
  debug: "\u001b[90m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};
const dim = "\u001b[2m";
const reset = "\u001b[0m";

/** For people: time of day, level, message, then `key=value`, quoted where a value has spaces. */
export function createTextFormatter(hasColour: boolean): LogFormatter {
  return (wallTimeMs, level, message, fields) => {
    const time = timeOf(new Date(wallTimeMs));
    const label = level.toUpperCase().padEnd(5);
    const text = escapeControls(message);
    const details = formatFields(fields);
    if (!hasColour) return `${time} ${label} ${text}${details === "" ? "" : `  ${details}`}`;
    const tail = details === "" ? "" : `  ${dim}${details}${reset}`;
    return `${dim}${time}${reset} ${colourOfLevel[level]}${label}${reset} ${text}${tail}`;
  };
}

function formatFields(fields: LogFields): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) parts.push(`${name}=${formatValue(value)}`);
  }
  return parts.join(" ");
}

function formatValue(value: string | number | boolean | null | readonly string[]): string {
  if (typeof value !== "string") return Array.isArray(value) ? quoteIfNeeded(value.join(",")) : String(value);
  return quoteIfNeeded(value);
}

function quoteIfNeeded(value: string): string {
  return /^[^\s"=]+$/.test(value) && value.search(controlCharacter) < 0
    ? value
    : escapeControls(JSON.stringify(value));
}

function escapeControls(text: string): string {
  return text.replace(
    controlCharacter,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Written out once a second. */
function timestampOf(wallTimeMs: number): string {
  const second = Math.floor(wallTimeMs / 1000);
  if (second !== lastSecond) {
    const time = new Date(wallTimeMs);
    lastTimestamp = `${dateOf(time)} ${timeOf(time)}`;
    lastSecond = second;
  }
  return lastTimestamp;
}

let lastSecond = Number.NaN;
let lastTimestamp = "";

function dateOf(date: Date): string {
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

function timeOf(date: Date): string {
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
