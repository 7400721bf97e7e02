const safeValue = /^[\x20-\x7e]*$/;
const unsafeCharacters = /[^\x20-\x7e]+/g;

/** Names longer than this are cut: nobody reads them, and header limits are shared. */
const maxLength = 512;

/**
 * Text of foreign origin (model and endpoint names) as a header value. What a header cannot carry is percent-encoded,
 * so that a client that sends a line break in a model name gets an answer and not a crash.
 */
export function toHeaderValue(text: string): string {
  const capped = text.length > maxLength ? text.slice(0, maxLength) : text;
  if (safeValue.test(capped)) return capped;
  return capped.toWellFormed().replace(unsafeCharacters, encodeURIComponent);
}
