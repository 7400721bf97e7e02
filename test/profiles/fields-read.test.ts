import { expect, test } from "bun:test";
import { join } from "node:path";

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
