import * as v from "valibot";
import type { ContextThresholds, NamingTable } from "./naming-table.ts";
import { type ConfigProblem, describeValue, isMapping, joinPath, type KeyPath } from "./problem.ts";

const text = v.pipe(v.string("expected text"), v.trim(), v.nonEmpty("expected text, got an empty string"));
const texts = v.array(text, "expected a list");
const threshold = v.pipe(v.number("expected a number of tokens"), v.minValue(1, "expected more than 0"));
const group = v.pipe(
  v.number("expected the number of a group"),
  v.integer("expected a whole number"),
  v.minValue(0, "expected a number that is not negative"),
);
const pattern = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const reason = findPatternFault(dataset.value);
    if (reason === undefined) return;
    addIssue({ message: `expected a regular expression, got ${describeValue(dataset.value)} (${reason})` });
  }),
);

function mapOf<Value>(value: v.GenericSchema<unknown, Value>, changeKey: (key: string) => string) {
  return v.pipe(
    v.custom<Record<string, unknown>>(isMapping, "expected a mapping"),
    v.record(v.string(), value),
    v.transform((record): ReadonlyMap<string, Value> => {
      return new Map(Object.entries(record).map(([key, item]) => [changeKey(key.trim()), item]));
    }),
  );
}

const lower = (key: string): string => key.toLowerCase();
const lowerTexts = v.pipe(
  texts,
  v.transform((list) => list.map(lower)),
);
const mapToText = mapOf(text, lower);

const familyPatterns = v.array(
  v.pipe(
    v.object({
      pattern,
      family_group: v.optional(group, 1),
      variant_group: v.optional(group, 2),
    }),
    v.check(
      (row) => row.family_group > 0 && row.family_group <= countGroups(row.pattern),
      "expected a pattern that has the group named by family_group",
    ),
    v.transform((row) => ({
      pattern: compilePattern(row.pattern, "di"),
      familyGroup: row.family_group,
      variantGroup: row.variant_group,
    })),
  ),
  "expected a list",
);

const namePatterns = v.array(
  v.pipe(
    v.object({ pattern, capabilities: texts }),
    v.transform((row) => ({ pattern: compilePattern(row.pattern, "i"), capabilities: row.capabilities })),
  ),
  "expected a list",
);

const contextThresholds = v.pipe(
  v.object({
    extended_context: v.optional(threshold, 32_000),
    long_context: v.optional(threshold, 100_000),
    ultra_long_context: v.optional(threshold, 1_000_000),
  }),
  v.transform(
    (row): ContextThresholds => ({
      extended: row.extended_context,
      long: row.long_context,
      ultraLong: row.ultra_long_context,
    }),
  ),
);

type Sections = { readonly [Key in keyof NamingTable]: Section<NamingTable[Key]> };

interface Section<Value> {
  readonly path: readonly [string, string];
  readonly schema: v.GenericSchema<unknown, Value>;
}

/** Each is taken from the user's file as a whole, or from the built-in table as a whole. */
export const namingSections: Sections = {
  familyPatterns: { path: ["model_extraction", "family_patterns"], schema: familyPatterns },
  architectureFamilies: { path: ["model_extraction", "architecture_mappings"], schema: mapToText },
  familyAliases: { path: ["model_extraction", "family_aliases"], schema: mapToText },
  publishers: { path: ["model_extraction", "publisher_mappings"], schema: mapToText },
  quantizations: { path: ["quantization", "mappings"], schema: mapOf(text, (key) => key.toUpperCase()) },
  typeCapabilities: { path: ["capabilities", "type_capabilities"], schema: mapOf(texts, lower) },
  namePatterns: { path: ["capabilities", "name_patterns"], schema: namePatterns },
  contextThresholds: { path: ["capabilities", "context_thresholds"], schema: contextThresholds },
  preservedFamilies: { path: ["special_rules", "preserve_family"], schema: lowerTexts },
  genericNames: {
    path: ["special_rules", "generic_names"],
    schema: v.pipe(
      lowerTexts,
      v.transform((names): ReadonlySet<string> => new Set(names)),
    ),
  },
};

/** What is wrong with a section, before it has a place in a file. */
export interface NamingFault extends Pick<ConfigProblem, "kind" | "message"> {
  readonly path: KeyPath;
}

/** Reads the sections that are there and right. Adds a fault for each that is wrong and for each unknown key. */
export function readNamingSections(tree: unknown, faults: NamingFault[]): Partial<NamingTable> {
  const root = isMapping(tree) ? tree : {};
  faults.push(...findUnknownSections(root));
  const read: Record<string, unknown> = {};
  for (const [name, { path, schema }] of Object.entries(namingSections)) {
    const parent = root[path[0]];
    // An empty section (`name_patterns:`) means the same as an absent one.
    const value = isMapping(parent) ? (parent[path[1]] ?? undefined) : undefined;
    if (value === undefined) continue;
    const result = v.safeParse(schema, value);
    if (result.success) read[name] = result.output;
    else for (const issue of result.issues) faults.push(toFault(path, issue));
  }
  // Each member was made by the schema of its own name.
  return read as Partial<NamingTable>;
}

function toFault(section: KeyPath, issue: v.BaseIssue<unknown>): NamingFault {
  const inside = (issue.path ?? []).map((step) =>
    typeof step.key === "number" ? step.key : String(step.key),
  );
  const message = issue.message.startsWith("expected")
    ? issue.message
    : `expected ${issue.expected ?? "something else"}, got ${issue.received}`;
  const whole = joinPath(section);
  return {
    kind: "value",
    path: [...section, ...inside],
    message: `${message}; the built-in ${whole} is used`,
  };
}

function findUnknownSections(root: Readonly<Record<string, unknown>>): NamingFault[] {
  const known = Map.groupBy(
    Object.values(namingSections).map((section) => section.path),
    ([outer]) => outer,
  );
  return Object.entries(root).flatMap(([outer, value]): NamingFault[] => {
    if (outer === "version" || value === null) return [];
    const inner = known.get(outer)?.map((path) => path[1]);
    if (inner === undefined) return [unknownKey([outer], [...known.keys()])];
    if (!isMapping(value)) {
      return [{ kind: "value", path: [outer], message: "expected a mapping; the built-in section is used" }];
    }
    const strangers = Object.keys(value).filter((key) => !inner.includes(key));
    return strangers.map((key) => unknownKey([outer, key], inner));
  });
}

function unknownKey(path: KeyPath, known: readonly string[]): NamingFault {
  return {
    kind: "unknown-key",
    path,
    message: `no such section, it is ignored; there are ${known.join(", ")}`,
  };
}

/** Files made for Go may say what JavaScript says otherwise: `(?i)` at the beginning, and `(?P<name>`. */
function compilePattern(source: string, flags: string): RegExp {
  return new RegExp(source.replace(/^\(\?i\)/, "").replaceAll("(?P<", "(?<"), flags);
}

function findPatternFault(source: string): string | undefined {
  try {
    compilePattern(source, "i");
    return undefined;
  } catch (error) {
    return error instanceof Error
      ? error.message.replace(/^Invalid regular expression: /, "")
      : String(error);
  }
}

/** Without end for a pattern that is none: what is wrong with it has been said. */
function countGroups(source: string): number {
  if (findPatternFault(source) !== undefined) return Number.POSITIVE_INFINITY;
  // With an empty alternative it matches anything, and the match has a place for each group.
  return (compilePattern(`${source}|`, "").exec("")?.length ?? 1) - 1;
}
