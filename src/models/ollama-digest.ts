import { createHash } from "node:crypto";

/**
 * Stands where Ollama has the digest of a model, for models whose backend tells none: Ollama's command line takes twelve
 * characters of it without looking and ends with a fault where there are none. The same for a name in any case.
 */
export function standInDigest(name: string): string {
  return createHash("sha256").update(name.toLowerCase()).digest("hex");
}
