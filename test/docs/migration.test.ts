// docs/migration.md against the schema: what it says of keys does not outlive them.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { goDefaults, renderMigrationDocs } from "../../scripts/generate-migration-docs.ts";
import type { KeyStatus } from "../../src/config/key.ts";
import { listKeys, valueAt } from "../../src/config/key-list.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configSchema } from "../../src/config/schema.ts";
import { readPage, root } from "./pages.ts";

const text = await Bun.file(join(root, "docs/migration.md")).text();
const page = readPage("docs/migration.md", text);
const oldDefaults = page.blocks.find(({ language }) => language === "yaml")?.text ?? "";
const keys = listKeys(configSchema);

function load(yaml: string) {
  return loadConfig({ path: "page.yaml", env: {}, cwd: root, readFile: async () => yaml });
}

/** `undefined`: there is no such key. */
function statusOf(path: string): KeyStatus | undefined {
  const key = keys.find((each) => each.path === path);
  return key && (key.metadata.status ?? "active");
}

test("its generated tables are what the schema says (else: bun scripts/generate-migration-docs.ts)", () => {
  expect(text).toBe(renderMigrationDocs(text));
});

test("a default that is listed as different is different", async () => {
  const ours = (await load("{}")).config;
  const theirs = (await load(oldDefaults)).config;
  const same = Object.keys(goDefaults).filter(
    (path) => valueAt(ours, path.split(".")) === valueAt(theirs, path.split(".")),
  );
  expect(same).toEqual([]);
});

test("the configuration that brings the old defaults back sets each of them to what the table says", async () => {
  const loaded = await load(oldDefaults);
  expect(Object.keys(goDefaults).filter((path) => !loaded.isSet(path))).toEqual([]);
  for (const [path, inGo] of Object.entries(goDefaults)) {
    const parts = path.split(".");
    const alone = await load(
      `${parts.map((part) => `{${part}: `).join("")}${inGo}${"}".repeat(parts.length)}`,
    );
    expect(valueAt(loaded.config, parts), path).toBe(valueAt(alone.config, parts));
  }
});

test("every key of the table of keys that do something else exists, and does something", () => {
  const table = text.split("## Keys that do something else")[1]?.split("\n## ")[0] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(15);
  const named = rows
    .map((row) => (row.split("|")[1] ?? "").replace(/` of `[^`]*`/, "`"))
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
  const variables = new Set(keys.flatMap((key) => key.variables));
  const acts = (name: string) => variables.has(name) || statusOf(name) === "active";
  expect(named.filter((name) => !acts(name))).toEqual([]);
  expect([acts("proxy.profile"), acts("proxy.profil"), acts("proxy.connection_keep_alive")]).toEqual([
    true,
    false,
    false,
  ]);
});
