import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { prepare } from "../../src/cli/preparation.ts";

const root = join(import.meta.dir, "../..");
const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
const texts = await Promise.all(documents.map((name) => Bun.file(join(root, name)).text()));

test("every YAML block of the README is a configuration without a complaint", async () => {
  const blocks = [...(texts[0] ?? "").matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) {
    const readFile = async () => block;
    const { endpoints, problems } = await prepare({ configPath: "readme", env: {}, cwd: root, readFile });
    expect(problems).toEqual([]);
    expect(endpoints?.endpoints.length).toBeGreaterThan(0);
  }
});

test("every package script that the documents name exists", () => {
  const named = texts.flatMap((text) =>
    [...text.matchAll(/(?:npm|bun) run ([a-z:]+)/g)].map((match) => match[1] ?? ""),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in packageFile.scripts))).toEqual([]);
});

test("every file that the documents link to exists", () => {
  const links = texts.flatMap((text) =>
    [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((match) => match[1] ?? ""),
  );
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
});
