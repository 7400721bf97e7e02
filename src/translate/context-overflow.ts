/** A prompt that is longer than a model can take, as some backend said it. */
export interface ContextOverflow {
  /** Tokens; undefined where the backend names no number. */
  readonly promptTokens: number | undefined;
  readonly maxTokens: number | undefined;
  /** Worded as agents of that dialect know it, with the backend's own words behind it. */
  readonly anthropicMessage: string;
}

/** Undefined for every other error. @param message the backend's words */
export function findContextOverflow(message: string): ContextOverflow | undefined {
  for (const { pattern } of wordings) {
    const found = pattern.exec(message);
    if (found === null) continue;
    const promptTokens = numberOf(found.groups?.prompt);
    const maxTokens = numberOf(found.groups?.max);
    return { promptTokens, maxTokens, anthropicMessage: anthropicWording(promptTokens, maxTokens, message) };
  }
  return undefined;
}

const wordings: readonly { readonly backend: string; readonly pattern: RegExp }[] = [];

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function anthropicWording(prompt: number | undefined, max: number | undefined, message: string): string {
  if (prompt === undefined || max === undefined) return `prompt is too long (${message})`;
  return `prompt is too long: ${prompt} tokens > ${max} maximum (${message})`;
}
