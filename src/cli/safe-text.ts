/** Longer than anything a person reads in a line; what a client or a server has made up may have any length. */
const longestText = 500;

/**
 * Text of others, made harmless for a terminal: control characters (which could be orders to it), invisible ones and
 * those that turn the direction around become a visible mark.
 */
export function harmless(text: string): string {
  return text.slice(0, longestText).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, "\ufffd");
}

/** JSON that a terminal can show: escapes also those control characters that JSON lets pass. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[\p{Cf}\u007f-\u009f\u2028\u2029]/gu, (found) =>
    [...Array(found.length).keys()]
      .map((index) => `\\u${found.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** Cells of a terminal that a text takes: two for wide characters, none for colours. */
export function widthOf(text: string): number {
  return Bun.stringWidth(text);
}

/** At most so many cells of a text without colours; what is cut off leaves a mark. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 1) return "";
  let kept = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

export function padTo(text: string, width: number, align: "left" | "right" = "left"): string {
  const padding = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + padding : padding + text;
}
