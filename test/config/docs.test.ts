import { expect, test } from "bun:test";
import { join } from "node:path";
import { renderConfigDocs } from "../../scripts/generate-config-docs.ts";
import { listKeys } from "../../src/config/key-list.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { configSchema } from "../../src/config/schema.ts";

const root = join(import.meta.dir, "../..");

test("docs/configuration.md says what the schema says (else: bun scripts/generate-config-docs.ts)", async () => {
  expect(await Bun.file(join(root, "docs/configuration.md")).text()).toBe(renderConfigDocs());
});

test("every key has documentation, and every inert one a reason", () => {
  const keys = listKeys(configSchema);
  expect(keys.length).toBeGreaterThan(120);
  expect(keys.filter((key) => key.metadata.doc === "").map((key) => key.path)).toEqual([]);
  const unexplained = keys.filter(
    (key) => key.metadata.status === "inert" && key.metadata.reason === undefined,
  );
  expect(unexplained.map((key) => key.path)).toEqual([]);
});

test("the example configuration loads without a warning", async () => {
  const loaded = await loadConfig({ path: "docs/config.example.yaml", env: {}, cwd: root });
  expect(loaded.problems.map(formatProblem)).toEqual([]);
  expect(loaded.config?.discovery.static.endpoints).toHaveLength(3);
});

test("the short configuration at the top of the example loads without a warning", async () => {
  const text = await Bun.file(join(root, "docs/config.example.yaml")).text();
  const block = text.split("\n").filter((line) => line.startsWith("#   "));
  const short = block.map((line) => line.slice(4)).join("\n");
  const loaded = await loadConfig({ path: "short.yaml", env: {}, cwd: root, readFile: async () => short });
  expect(loaded.problems.map(formatProblem)).toEqual([]);
  expect(loaded.config?.discovery.static.endpoints?.[0]?.name).toBe("gpu-box");
});

test("YAML blocks of the configuration page load without a warning", async () => {
  const blocks = [...renderConfigDocs().matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? "");
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) {
    const loaded = await loadConfig({ path: "block.yaml", env: {}, cwd: root, readFile: async () => block });
    expect(loaded.problems.map(formatProblem)).toEqual([]);
  }
});
