/** A number that might have more digits than a double holds. In a text it may match for nothing, which costs time only. */
const longNumber = /[:[,\s]-?\d{16}/;

interface Source {
  readonly source?: string;
}

/** What TypeScript does not know yet. Source: https://tc39.es/proposal-json-parse-with-source */
interface WithRawJson extends JSON {
  rawJSON(text: string): unknown;
}

/**
 * Like `JSON.parse`, but whole numbers that a double can't hold are written again as they were: ids in the arguments of
 * tools, limits in schemas. They are no numbers to us, only to `JSON.stringify`. Undefined for text that is no JSON.
 */
export function parseJsonExactly(text: string): unknown {
  try {
    return longNumber.test(text) ? JSON.parse(text, keepLongNumber) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function keepLongNumber(_name: string, value: unknown, { source }: Source = {}): unknown {
  const isLost = typeof value === "number" && source !== undefined && !Number.isSafeInteger(value);
  return isLost && /^-?\d+$/.test(source) ? (JSON as WithRawJson).rawJSON(source) : value;
}
