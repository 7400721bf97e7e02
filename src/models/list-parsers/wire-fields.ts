import * as v from "valibot";

/** A text that says something; anything else a backend puts there counts as not given. */
export const looseText = v.fallback(v.optional(v.pipe(v.string(), v.trim(), v.nonEmpty())), undefined);

/** A number above zero, else nothing. */
export const loosePositive = v.fallback(
  v.optional(v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE))),
  undefined,
);

/** The texts of a list; entries of other kinds and empty ones are left out. Nothing when none is left. */
export const looseTexts = v.fallback(
  v.optional(
    v.pipe(
      v.array(v.unknown()),
      v.transform((entries) =>
        entries.filter((entry): entry is string => typeof entry === "string" && entry.trim() !== ""),
      ),
      v.minLength(1),
    ),
  ),
  undefined,
);

/** An object's known members, or nothing where it is no object. */
export function looseRecord<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.fallback(v.optional(v.looseObject(entries)), undefined);
}

/** Leaves out members that are `undefined`, as records with optional members want it. */
export function withoutUndefined<Shape extends object>(
  shape: Shape,
): { [Key in keyof Shape]: Exclude<Shape[Key], undefined> } {
  const defined = Object.entries(shape).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as { [Key in keyof Shape]: Exclude<Shape[Key], undefined> };
}

/** Milliseconds since the epoch of a time in text, else nothing. */
export function parseTime(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  // Some backends write the year 1 for "never".
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}

/** Milliseconds of a Unix time in seconds. */
export function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

/** The most that a model is: what sees or embeds is told apart from what only writes. */
export function typeByCapabilities(
  capabilities: readonly string[] | undefined,
): "llm" | "vlm" | "embeddings" | undefined {
  if (capabilities === undefined) return undefined;
  if (capabilities.includes("vision")) return "vlm";
  if (capabilities.includes("completion")) return "llm";
  return capabilities.includes("embedding") ? "embeddings" : undefined;
}

/** The members of an entry as they came, before anything was read out of them. */
export function asWritten(entry: unknown): Readonly<Record<string, unknown>> {
  return typeof entry === "object" && entry !== null ? { ...entry } : {};
}

/** A list may hold thousands of entries, and each is kept for as long as the model is known. */
const maxNativeChars = 4096;

/** The members of a list's entry that nobody has read, or nothing where there are none, or far too much of them. */
export function unreadFields(
  entry: Readonly<Record<string, unknown>>,
  readNames: ReadonlySet<string>,
): Readonly<Record<string, unknown>> | undefined {
  const unread = Object.entries(entry).filter(([name]) => !readNames.has(name));
  if (unread.length === 0) return undefined;
  const fields = Object.fromEntries(unread);
  return JSON.stringify(fields).length > maxNativeChars ? undefined : fields;
}
