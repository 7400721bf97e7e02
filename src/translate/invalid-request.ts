import { OllaError } from "../errors.ts";

/** For a request that its own dialect does not allow. @param field in the client's words, like `messages[2].role` */
export function invalid(field: string, expected: string): OllaError {
  return new OllaError("invalid_request", `${field}: ${expected}`, { field });
}

/** For an error message: what was there instead, in few words. */
export function describeGot(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? "a text" : `${value}`;
}

/** Undefined where there is none. @throws OllaError for something that is no number of that range */
export function optionalNumber(
  value: unknown,
  field: string,
  { min, max }: { readonly min: number; readonly max?: number },
): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= min && value <= (max ?? Number.POSITIVE_INFINITY)) return value;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw invalid(field, `expected a number ${range}, got ${describeGot(value)}`);
}

/** Undefined where there is none. @throws OllaError for something that is neither true nor false */
export function optionalBoolean(value: unknown, field: string): boolean | undefined {
  if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
  throw invalid(field, `expected true or false, got ${describeGot(value)}`);
}
