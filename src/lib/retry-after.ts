/**
 * Milliseconds that a `Retry-After` header asks to wait, from whole seconds or an HTTP date (RFC 9110 §10.2.3).
 * Not positive for a date in the past; `undefined` when absent or malformed.
 */
export function parseRetryAfter(header: string | null, wallTime: number): number | undefined {
  const text = header?.trim() ?? "";
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : parseHttpDate(text) - wallTime;
  return Number.isNaN(waitMs) ? undefined : waitMs;
}

/** The three forms of RFC 9110 §5.6.7. All mean GMT, but only two of them say so. */
function parseHttpDate(text: string): number {
  const httpDate = /^(?:[A-Z][a-z]{2}, |[A-Z][a-z]+day, |[A-Z][a-z]{2} [A-Z][a-z]{2} )/;
  if (!httpDate.test(text)) return Number.NaN;
  return Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
}
