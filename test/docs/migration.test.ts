// docs/migration.md against the schema: what it says of keys does not outlive them.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { goDefaults, renderMigrationDocs } from "../../scripts/generate-migration-docs.ts";
import { type ListedKey, listKeys, valueAt } from "../../src/config/key-list.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configSchema } from "../../src/config/schema.ts";
import { readPage, root } from "./pages.ts";

const text = await Bun.file(join(root, "docs/migration.md")).text();
const page = readPage("docs/migration.md", text);
const keys = listKeys(configSchema);

function load(yaml: string) {
  return loadConfig({ path: "page.yaml", env: {}, cwd: root, readFile: async () => yaml });
}

function keyAt(path: string): ListedKey | undefined {
  return keys.find((key) => key.path === path);
}

test("its generated tables are what the schema says (else: bun scripts/generate-migration-docs.ts)", () => {
  expect(text).toBe(renderMigrationDocs(text));
});

test("a default that is listed as different is different", async () => {
  const ours = (await load("{}")).config;
  const block = page.blocks.find(({ language }) => language === "yaml");
  const theirs = (await load(block?.text ?? "")).config;
  const same = Object.keys(goDefaults).filter(
    (path) => valueAt(ours, path.split(".")) === valueAt(theirs, path.split(".")),
  );
  expect(same).toEqual([]);
});

test("the configuration that brings the old defaults back sets each of them to what the table says", async () => {
  const block = page.blocks.find(({ language }) => language === "yaml");
  const loaded = await load(block?.text ?? "");
  expect(Object.keys(goDefaults).filter((path) => !loaded.isSet(path))).toEqual([]);
  for (const [path, inGo] of Object.entries(goDefaults)) {
    const parts = path.split(".");
    const named = await load(
      JSON.stringify(parts.reduceRight<unknown>((value, key) => ({ [key]: value }), asYaml(inGo))),
    );
    expect(valueAt(loaded.config, parts), path).toBe(valueAt(named.config, parts));
  }
});

function asYaml(text: string): unknown {
  return /^\d+$/.test(text) ? Number(text) : text;
}

test("every key of the table of keys that do something else exists, and does something", () => {
  const table = text.split("## Keys that do something else")[1]?.split("\n## ")[0] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(15);
  const named = rows
    .map((row) => (row.split("|")[1] ?? "").replace(/` of `[^`]*`/, "`"))
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
  const variables = new Set(keys.flatMap((key) => key.variables));
  const sections = (name: string) => keys.some(({ path }) => path.startsWith(`${name}.`));
  const idle = named.filter((name) => {
    const status = keyAt(name)?.metadata.status ?? "active";
    return !(variables.has(name) || sections(name) || (keyAt(name) !== undefined && status === "active"));
  });
  expect(idle).toEqual([]);
});
