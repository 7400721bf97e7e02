import { printableJson } from "./safe-text.ts";

/** A text as a scalar of YAML: plain where that cannot be taken for anything else, else in quotes, as JSON has them. */
export function yamlText(text: string): string {
  const isPlain = /^[A-Za-z/](?:[\w./:@-]*[\w/])?$/.test(text);
  const isMeasure = /^(?:(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|ns))+|\d+[KMGTP]iB)$/.test(text);
  const isWord = /^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return isMeasure || (isPlain && !isWord) ? text : printableJson(text);
}

/** Any plain value, on one line. */
export function yamlValue(value: unknown): string {
  if (typeof value === "string") return yamlText(value);
  if (Array.isArray(value)) return `[${value.map(yamlValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return printableJson(value ?? null);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([name, inner]) => `${yamlText(name)}: ${yamlValue(inner)}`).join(", ")} }`;
}
