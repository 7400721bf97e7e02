import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { ConfigProblem } from "../../src/config/problem.ts";
import { parseProfile } from "../../src/profiles/load.ts";

const source = join(import.meta.dir, "../../src");

/** Fields that others ask for by a method of `ProfileSet`, which compares spellings for them. */
const askedBySpelling: Readonly<Record<string, RegExp>> = {
  aliases: /profiles\.byType\(/,
  prefixes: /profiles\.prefixes\(\)/,
};

/** The fields that an interface in `profile.ts` declares, those of its inner records included. */
async function fieldsOf(interfaceName: string): Promise<string[]> {
  const code = await Bun.file(join(source, "profiles/profile.ts")).text();
  const body = new RegExp(`interface ${interfaceName} \\{\\n([\\s\\S]*?)\\n\\}`).exec(code)?.[1] ?? "";
  return [...body.matchAll(/^ +readonly (\w+)\??:/gm)].map((match) => match[1] ?? "");
}

/** All code that is neither a test nor about profiles themselves. */
async function readOtherCode(): Promise<string> {
  const paths = [...new Bun.Glob("**/*.ts").scanSync(source)].filter(
    (path) => !path.endsWith(".test.ts") && !path.startsWith("profiles/"),
  );
  const texts = await Promise.all(paths.map((path) => Bun.file(join(source, path)).text()));
  return texts.join("\n").replace(/\/\*[\s\S]*?\*\//g, "");
}

/** A member access, or a name taken out of a profile or of one of its records. */
function readerOf(field: string): RegExp {
  const holder = "(?:[pP]rofile|each|recommended|unsupported|timeouts)";
  const taken = `(?:const|of) \\{[^{}]*\\b${field}\\b[^{}]*\\} (?:=|of) [^;\\n]*[pP]rofile`;
  return askedBySpelling[field] ?? new RegExp(`\\b${holder}\\??\\.${field}\\b|${taken}`);
}

test("every field of a profile is read by something outside of src/profiles", async () => {
  const code = await readOtherCode();
  const fields = await fieldsOf("Profile");
  expect(fields).toContain("name");
  expect(fields.length).toBeGreaterThan(13);
  expect(fields.filter((field) => !readerOf(field).test(code))).toEqual([]);
});

test("a field that nobody reads would be noticed", async () => {
  expect(readerOf("colour").test(await readOtherCode())).toBe(false);
});

type Path = readonly (string | number)[];

/** Where the scalars of a parsed file are. */
function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, child]) =>
    leavesOf(child, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** What a file's text comes to, complaints included. */
function readingOf(text: string): string {
  const problems: ConfigProblem[] = [];
  const profile = parseProfile("x.yaml", text, problems);
  return Bun.inspect([profile, problems.map(({ path, message }) => `${path} ${message}`)], { depth: 20 });
}

function changed(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  return typeof value === "boolean" ? !value : `${value}x`;
}

/** Values that may be taken away, and changed, without any difference to the profile. */
function deadLeavesOf(text: string): string[] {
  const before = readingOf(text);
  return leavesOf(parseDocument(text).toJS()).flatMap((path) => {
    const without = parseDocument(text);
    without.deleteIn(path);
    const other = parseDocument(text);
    other.setIn(path, changed(other.getIn(path)));
    const isRead = [without, other].some((document) => readingOf(String(document)) !== before);
    return isRead ? [] : [path.join(".")];
  });
}

for (const file of new Bun.Glob("*.yaml").scanSync(join(source, "../profiles"))) {
  test(`every value in ${file} makes a difference to its profile`, async () => {
    const text = await Bun.file(join(source, "../profiles", file)).text();
    expect(deadLeavesOf(text)).toEqual([]);
  });
}

test("a key that the schema takes and drops would be noticed", () => {
  // Of the reference, and let through without a word.
  expect(deadLeavesOf("name: x\nversion: '1'\nresources: {defaults: {min_memory_gb: 4}}\n")).toEqual([
    "version",
    "resources.defaults.min_memory_gb",
  ]);
});

/** Named in a record of its own in `profile.ts`; read wherever such a record is handed on. */
const innerRecords = [
  "ProfileListing",
  "UnsupportedPath",
  "FleetAnswerPath",
  "LoadedModelsSource",
  "HeaderMark",
  "KindProbe",
  "AnthropicSupport",
];

test("every field of the records in a profile is taken out of one somewhere", async () => {
  const code = await readOtherCode();
  for (const record of innerRecords) {
    const fields = await fieldsOf(record);
    expect([record, fields.length > 0]).toEqual([record, true]);
    const unread = fields.filter(
      (field) => !new RegExp(`\\.${field}\\b|\\{[^{}]*\\b${field}\\b[^{}]*\\}`).test(code),
    );
    expect([record, unread]).toEqual([record, []]);
  }
});
