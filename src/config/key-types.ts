import { formatByteSize, parseByteSize } from "../lib/byte-size.ts";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import { isGlob } from "../lib/glob.ts";
import { Secret } from "../lib/secret.ts";
import {
  type Key,
  type KeyBounds,
  type KeyMetadata,
  type KeyNotes,
  type KeyType,
  makeKey,
  makeUnsetKey,
  type ReadValue,
  type UnsetKey,
} from "./key.ts";
import { describeSecret, describeType, describeValue, isMapping } from "./problem.ts";
import { booleanFromText, integerFromText, numberFromText, splitList } from "./variable-text.ts";

type Range = Pick<KeyBounds, "min" | "max">;

interface Defaulted<T> extends KeyNotes {
  readonly initial: T;
}

/** Timers hold at most 2^31-1 ms; past that they would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

interface DurationOptions extends KeyNotes {
  readonly shortest?: string;
  /** An age that is compared rather than waited for, so that months are fine. */
  readonly isAge?: boolean;
}

export function durationKey(options: DurationOptions & { readonly initial: string }): Key<number> {
  return makeKey(durationReader(options), describeKey("duration", "ms · s · m · h", options));
}

export function unsetDurationKey(options: DurationOptions): UnsetKey<number> {
  return makeUnsetKey(durationReader(options), describeKey("duration", "ms · s · m · h", options));
}

function durationReader(options: DurationOptions): ReadValue<number> {
  const min = parseDuration(options.shortest ?? "0") ?? 0;
  const max = options.isAge === true ? Number.MAX_SAFE_INTEGER : longestTimerMs;
  return (raw, complain) => {
    const text = raw === 0 ? "0" : raw;
    const value = typeof text === "string" ? parseDuration(text.trim()) : undefined;
    if (value === undefined) {
      complain(`expected a duration with a unit, such as 500ms, 30s or 1h30m, got ${describeValue(raw)}`);
      return 0;
    }
    if (value < min)
      complain(`expected a duration of at least ${formatDuration(min)}, got ${describeValue(raw)}`);
    if (value > max)
      complain(`expected a duration of at most ${formatDuration(max)}, got ${describeValue(raw)}`);
    return value;
  };
}

export function sizeKey(
  options: Defaulted<string | number> & {
    readonly max?: number;
    readonly adjust?: (bytes: number) => number;
  },
): Key<number> {
  const max = options.max ?? Number.MAX_SAFE_INTEGER;
  const adjust = options.adjust ?? ((bytes) => bytes);
  return makeKey(
    (raw, complain) => {
      const value = typeof raw === "string" ? parseByteSize(raw) : raw;
      if (!isInteger(value) || value < 0) {
        complain(`expected a size such as 1048576, 512KB or 50MiB, got ${describeValue(raw)}`);
        return 0;
      }
      if (value > max) complain(`expected at most ${formatByteSize(max)}, got ${describeValue(raw)}`);
      return adjust(value);
    },
    describeKey("size", "bytes", { ...options, max }),
  );
}

export function integerKey(options: Defaulted<number> & Range & { readonly unit?: string }): Key<number> {
  return makeKey(
    integerReader(options),
    describeKey("integer", options.unit ?? "", options, integerFromText),
  );
}

export function unsetIntegerKey(options: KeyNotes & Range & { readonly unit?: string }): UnsetKey<number> {
  return makeUnsetKey(
    integerReader(options),
    describeKey("integer", options.unit ?? "", options, integerFromText),
  );
}

function integerReader(range: Range): ReadValue<number> {
  return (raw, complain) => {
    if (isInteger(raw) && isWithin(raw, range)) return raw;
    complain(`expected a whole number${describeRange(range)}, got ${describeValue(raw)}`);
    return 0;
  };
}

export function numberKey(
  options: Defaulted<number> & Range & { readonly isMinExcluded?: boolean },
): Key<number> {
  return makeKey(
    (raw, complain) => {
      const isAllowed = options.isMinExcluded === true ? raw !== options.min : true;
      if (typeof raw === "number" && Number.isFinite(raw) && isWithin(raw, options) && isAllowed) return raw;
      const range = options.isMinExcluded === true ? ` above ${options.min}` : describeRange(options);
      complain(`expected a number${range}, got ${describeValue(raw)}`);
      return 0;
    },
    describeKey("number", "", options, numberFromText),
  );
}

export function booleanKey(options: Defaulted<boolean>): Key<boolean> {
  return makeKey(
    (raw, complain) => {
      if (typeof raw === "boolean") return raw;
      const word = typeof raw === "string" ? raw.toLowerCase() : "";
      if (["yes", "y", "on"].includes(word)) return true;
      if (["no", "n", "off"].includes(word)) return false;
      complain(`expected true or false, got ${describeValue(raw)}`);
      return false;
    },
    describeKey("boolean", "", options, booleanFromText),
  );
}

export interface StringOptions extends KeyNotes, Pick<KeyBounds, "allowEmpty" | "choices"> {
  readonly unit?: string;
  /** Says what is wrong with a string, or nothing. */
  readonly check?: (text: string) => string | undefined;
}

export function stringKey(options: StringOptions & { readonly initial: string }): Key<string> {
  return makeKey(stringReader(options), describeKey("string", options.unit ?? "", options));
}

export function unsetStringKey(options: StringOptions): UnsetKey<string> {
  return makeUnsetKey(stringReader(options), describeKey("string", options.unit ?? "", options));
}

function stringReader(options: StringOptions): ReadValue<string> {
  return (raw, complain) => {
    if (typeof raw !== "string") {
      complain(`expected a string, got ${describeType(raw)}`);
      return "";
    }
    if (raw.trim() === "" && options.allowEmpty !== true)
      complain(`expected a non-empty string, got ${describeType(raw)}`);
    else {
      const objection = options.check?.(raw);
      if (objection !== undefined) complain(objection);
    }
    return raw;
  };
}

export function secretKey(options: KeyNotes): UnsetKey<Secret> {
  const metadata = { ...describeKey("string", "secret", { ...options, allowEmpty: true }), isSecret: true };
  return makeUnsetKey((raw, complain) => {
    if (typeof raw !== "string") complain(`expected a string, got ${describeSecret(raw)}`);
    return new Secret(typeof raw === "string" ? raw : "");
  }, metadata);
}

/** One of a few words. `spellings` maps further accepted spellings; with it, case is ignored. */
export function choiceKey<const Choice extends string>(
  options: Defaulted<NoInfer<Choice>> & {
    readonly choices: readonly Choice[];
    readonly spellings?: Readonly<Record<string, NoInfer<Choice>>>;
  },
): Key<Choice> {
  return makeKey(
    (raw, complain) => {
      const word = options.spellings === undefined || typeof raw !== "string" ? raw : raw.toLowerCase();
      const spelled = typeof word === "string" ? options.spellings?.[word] : undefined;
      const chosen = spelled ?? options.choices.find((choice) => choice === word);
      if (chosen !== undefined) return chosen;
      complain(`expected ${listChoices(options.choices)}, got ${describeValue(raw)}`);
      return options.initial;
    },
    describeKey("string", options.choices.map((choice) => choice || '""').join(" · "), {
      ...options,
      spellings: options.spellings && Object.keys(options.spellings),
    }),
  );
}

interface ListOptions<Item> extends Defaulted<readonly Item[]>, Pick<KeyBounds, "choices"> {
  readonly unit?: string;
  /** Says what is wrong with an item, or nothing. */
  readonly check?: (item: Item) => string | undefined;
}

export function stringListKey(options: ListOptions<string>): Key<string[]> {
  return makeKey(
    (raw, complain) => {
      const items = readItems(raw, complain);
      return items.map((item, index) => {
        if (typeof item !== "string" || item.trim() === "") {
          complain(`expected a non-empty string, got ${describeType(item)}`, [index]);
          return "";
        }
        const word = item.trim();
        const isKnown = options.choices?.includes(word) ?? true;
        const objection = isKnown ? options.check?.(word) : refuseWord(word, options.choices ?? []);
        if (objection !== undefined) complain(objection, [index]);
        return word;
      });
    },
    describeKey("list", options.unit ?? options.choices?.join(" · ") ?? "strings", options, splitList),
  );
}

export function integerListKey(options: ListOptions<number> & Range): Key<number[]> {
  return makeKey(
    (raw, complain) => {
      return readItems(raw, complain).map((item, index) => {
        if (isInteger(item) && isWithin(item, options)) return item;
        complain(`expected a whole number${describeRange(options)}, got ${describeValue(item)}`, [index]);
        return 0;
      });
    },
    describeKey("list", options.unit ?? "integers", options, (text) => splitList(text).map(integerFromText)),
  );
}

export function globListKey(options: Omit<ListOptions<string>, "check" | "unit">): Key<string[]> {
  return stringListKey({
    ...options,
    unit: "globs",
    check: (pattern) => (isGlob(pattern) ? undefined : "expected a pattern"),
  });
}

/** A mapping from free names to text. Values are credentials until proven otherwise, so none is ever shown. */
export function secretMapKey(options: KeyNotes): Key<Record<string, Secret>> {
  const metadata = { ...describeKey("mapping", "name: value", { ...options, initial: {} }), isSecret: true };
  return makeKey((raw, complain) => {
    const secrets: Record<string, Secret> = {};
    if (!isMapping(raw)) {
      complain(`expected a mapping, got ${describeSecret(raw)}`);
      return secrets;
    }
    for (const [name, value] of Object.entries(raw)) {
      if (typeof value !== "string") complain(`expected a string, got ${describeSecret(value)}`, [name]);
      else secrets[name] = new Secret(value);
    }
    return secrets;
  }, metadata);
}

/** A key that is read by a function of its own. */
export function customKey<T>(
  type: KeyType,
  options: KeyNotes & KeyBounds & { readonly initial: unknown; readonly unit?: string },
  read: ReadValue<T>,
): Key<T> {
  return makeKey(read, describeKey(type, options.unit ?? "", options));
}

/** A key that nothing reads, whatever its value. */
export function ignoredKey(options: KeyNotes): UnsetKey<unknown> {
  return makeUnsetKey((raw) => raw, describeKey("any", "", options));
}

function describeKey(
  type: KeyType,
  unit: string,
  known: KeyNotes & KeyBounds & { readonly initial?: unknown },
  fromText: (text: string) => unknown = (text) => text,
): KeyMetadata {
  return { ...known, type, unit, initial: known.initial, isSecret: false, fromText };
}

function readItems(raw: unknown, complain: (message: string) => void): unknown[] {
  if (Array.isArray(raw)) return raw;
  complain(`expected a list, got ${describeValue(raw)}`);
  return [];
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Range): boolean {
  return value >= min && value <= max;
}

function describeRange({ min, max }: Range): string {
  if (min === undefined && max === undefined) return "";
  if (max === undefined) return ` of at least ${min}`;
  return min === undefined ? ` of at most ${max}` : ` from ${min} to ${max}`;
}

function refuseWord(word: string, choices: readonly string[]): string {
  return `expected one of ${choices.join(", ")}, got ${JSON.stringify(word)}`;
}

function listChoices(choices: readonly string[]): string {
  const quoted = choices.map((choice) => JSON.stringify(choice));
  return quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}
