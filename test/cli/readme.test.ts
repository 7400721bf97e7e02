import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { prepare } from "../../src/cli/preparation.ts";
import { pem } from "../support/tls-files.ts";

const root = join(import.meta.dir, "../..");
const pages = [...new Bun.Glob("docs/*.md").scanSync({ cwd: root })].sort();
const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...pages];
const texts = await Promise.all(documents.map((name) => Bun.file(join(root, name)).text()));

interface YamlBlock {
  readonly document: string;
  readonly yaml: string;
}

const yamlBlocks: readonly YamlBlock[] = documents.flatMap((document, index) =>
  [...(texts[index] ?? "").matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = ""]) => ({ document, yaml })),
);

test("every YAML block of the README and the pages is a configuration without a complaint", async () => {
  const written = yamlBlocks.map(({ document }) => document);
  expect(written).toContain("README.md");
  expect(written).toContain("docs/failover.md");
  for (const { document, yaml } of yamlBlocks) {
    const readFile = async (path: string) => {
      if (path.endsWith(document)) return yaml;
      if (!path.endsWith(".pem")) return "what-the-file-of-a-secret-holds";
      return pem(path.endsWith("privkey.pem") ? "one.key" : "one.pem");
    };
    const { endpoints, problems } = await prepare({ configPath: document, env: {}, cwd: root, readFile });
    expect(problems).toEqual([]);
    if (yaml.includes("endpoints:")) expect(endpoints?.endpoints.length).toBeGreaterThan(0);
  }
});

test("every X-Olla header that the program sends or reads is in docs/headers.md", async () => {
  const files = [...new Bun.Glob("src/**/*.ts").scanSync({ cwd: root })].filter(
    (name) => !name.endsWith(".test.ts"),
  );
  const sources = await Promise.all(files.map((name) => Bun.file(join(root, name)).text()));
  const used = new Set(
    sources
      .join()
      .toLowerCase()
      .match(/x-olla-[a-z][a-z-]*[a-z](?![a-z]|-\*)/g),
  );
  const page = texts[documents.indexOf("docs/headers.md")]?.toLowerCase() ?? "";
  expect(used.size).toBeGreaterThan(10);
  expect([...used].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("every package script that the documents name exists", () => {
  const named = texts.flatMap((text) =>
    [...text.matchAll(/(?:npm|bun) run ([a-z:]+)/g)].map((match) => match[1] ?? ""),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in packageFile.scripts))).toEqual([]);
});

test("every file that the documents link to exists", () => {
  const links = documents.flatMap((document, index) =>
    [...(texts[index] ?? "").matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = ""]) =>
      join(root, dirname(document), link),
    ),
  );
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});
