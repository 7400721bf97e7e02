export type LogRecord = Readonly<Record<string, unknown>>;

/** The JSON lines among what was written; anything else is kept as a record with only `text`. */
export function parseLogLines(written: string): LogRecord[] {
  return written
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): LogRecord => {
      try {
        return JSON.parse(line) as LogRecord;
      } catch {
        return { text: line };
      }
    });
}

/** One record per answered request: those that carry a status and a path. */
export function accessRecords(written: string): LogRecord[] {
  return parseLogLines(written).filter(
    (record) => typeof record.status === "number" && typeof record.path === "string",
  );
}
