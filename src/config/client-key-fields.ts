const longestName = 64;
const dateShape = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?)?$/i;

/** Milliseconds since the epoch; NaN for what is no date. Without a zone it means UTC, wherever Olla runs. */
export function expiryFrom(text: string): number {
  const [, date, time = "00:00", zone = "Z"] = dateShape.exec(text.trim()) ?? [];
  if (date === undefined) return Number.NaN;
  // Some days that do not exist are read as days of the month after.
  const midnight = Date.parse(`${date}T00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date)) return Number.NaN;
  return Date.parse(`${date}T${time}${zone.toUpperCase()}`);
}

/** What is wrong with the name of a key, which goes into log lines and tables; undefined when nothing is. */
export function nameFault(text: string): string | undefined {
  if (text.trim() !== text) return "expected a name without spaces around it";
  if (text.length > longestName) return `expected a name of at most ${longestName} characters`;
  return /\p{Cc}/u.test(text) || !text.isWellFormed()
    ? "expected a name without control characters"
    : undefined;
}
