import { OllaError } from "../errors.ts";

/** Anything thrown, as an error that may be shown: what is not ours says nothing but that it is our fault. */
export function asOllaError(cause: unknown): OllaError {
  if (cause instanceof OllaError) return cause;
  return new OllaError("internal", "Olla failed to handle this request", { cause });
}
