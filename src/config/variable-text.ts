// Environment variables hold text; these turn it into what the YAML file would have held. Text that is not of the type
// is handed on as it is, so that the reading refuses it in its own words.

export function integerFromText(text: string): unknown {
  return /^[+-]?\d+$/.test(text.trim()) ? Number(text) : text;
}

export function numberFromText(text: string): unknown {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

export function booleanFromText(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (["1", "t", "true"].includes(word)) return true;
  if (["0", "f", "false"].includes(word)) return false;
  return word === "" ? text : word;
}

export function splitList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
