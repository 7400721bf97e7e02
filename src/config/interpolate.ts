import type { Environment } from "./environment.ts";

export interface Interpolated {
  readonly text: string;
  /** Variables that are not set and have no fallback. */
  readonly missing: readonly string[];
  /** Whether a reference names nothing that could be a variable. Its text is not repeated: it may be a credential. */
  readonly hasBadReference: boolean;
}

/** Replaces `${NAME}` and `${NAME:-fallback}`. A plain `$NAME` stays; a reference ends at its first `}`. */
export function interpolate(template: string, env: Environment): Interpolated {
  const missing: string[] = [];
  let hasBadReference = false;
  const text = template.replace(/\$\{([^}]*)\}/g, (_, reference: string) => {
    const [, name, fallback] = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(reference) ?? [];
    if (name === undefined) {
      hasBadReference = true;
      return "";
    }
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) missing.push(name);
    return value ?? "";
  });
  return { text, missing, hasBadReference };
}
