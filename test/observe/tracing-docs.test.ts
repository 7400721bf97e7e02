// docs/tracing.md against the code, and who may load what makes traces.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import {
  type GenAiMeasurement,
  genAiName,
  genAiNames,
  spanNames,
} from "../../src/observe/tracing/span-names.ts";

const root = join(import.meta.dir, "../..");
const page = await Bun.file(join(root, "docs/tracing.md")).text();

function firstCells(of: string): string[] {
  const rows = of.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""),
  );
}

test("the page lists every attribute that a span may have, and no other", () => {
  const [, attributes = ""] = page.split("## What is in a span");
  const documented = firstCells(attributes.split("## When")[0] ?? "");
  const measured = (Object.keys(genAiNames) as GenAiMeasurement[]).map((name) => genAiName(name, "v1.41"));
  const known = [...Object.values(spanNames), ...measured];
  expect([...new Set(documented)].toSorted()).toEqual(known.toSorted());
  expect(page).toContain(genAiName("cacheCreationTokens", "latest"));
});

test("the page lists the variables that are read", async () => {
  const source = await Bun.file(join(root, "src/config/otlp-settings.ts")).text();
  const read = new Set(source.match(/"OTEL_[A-Z_]+"/g)?.map((name) => name.slice(1, -1)));
  const documented = firstCells(page.split("## Variables")[1] ?? "");
  const notObeyed = /PROTOCOL|COMPRESSION|EXPORTER$/;
  expect(documented.toSorted()).toEqual([...read].filter((name) => !notObeyed.test(name)).toSorted());
});

test("the page's configuration is a good one", async () => {
  const text = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? "";
  const loaded = await loadConfig({
    path: "page.yaml",
    env: { OTLP_TOKEN: "x" },
    cwd: root,
    readFile: async () => text,
  });
  expect(loaded.problems).toEqual([]);
  expect(loaded.otlp).toMatchObject({ url: "http://localhost:4318/v1/traces", sampler: { ratio: 0.1 } });
});

test("nothing of tracing is loaded where nobody asked for it", async () => {
  const sources = [...new Bun.Glob("**/*.ts").scanSync(join(root, "src"))];
  const outside = sources.filter((path) => !path.startsWith("observe/tracing/"));
  const statements = await Promise.all(
    outside.map(async (path) => {
      const text = await Bun.file(join(root, "src", path)).text();
      return text.match(/import [^;]*\/tracing\/[^;]*;|await import\("[^"]*\/tracing\/[^"]*"\)/g) ?? [];
    }),
  );
  const loading = statements.flat().filter((statement) => !statement.startsWith("import type "));
  expect(loading).toEqual(['await import("../observe/tracing/tracing.ts")']);
});
