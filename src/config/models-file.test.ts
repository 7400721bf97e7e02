import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { builtinNaming } from "./builtin-naming.ts";
import { loadModelsFile } from "./models-file.ts";
import { formatProblem } from "./problem.ts";

const cwd = "/work/here";

function load(files: Record<string, string>, env: Record<string, string> = {}) {
  const texts = new Map(Object.entries(files).map(([path, text]) => [resolve(cwd, path), text]));
  return loadModelsFile({
    cwd,
    env,
    async readFile(path) {
      const text = texts.get(path);
      if (text === undefined) throw Object.assign(new Error("gone"), { code: "ENOENT" });
      if (text === "denied") throw Object.assign(new Error("denied"), { code: "EACCES" });
      return text;
    },
  });
}

const good = "special_rules: { generic_names: [thing] }\n";

describe("which models.yaml is read", () => {
  test("none is no problem", async () => {
    const loaded = await load({});
    expect(loaded).toEqual({ naming: builtinNaming(), file: undefined, problems: [] });
  });

  test("the first in the documented order, the folder of OLLA_CONFIG_DIR last", async () => {
    const order = [
      "models.yaml",
      "config/models.yaml",
      "config-base/models.yaml",
      "../config/models.yaml",
      "../../config/models.yaml",
      "/etc/olla/models.yaml",
    ];
    for (const [index, file] of order.entries()) {
      const present = Object.fromEntries(order.slice(index).map((name) => [name, good]));
      expect((await load(present, { OLLA_CONFIG_DIR: "/etc/olla" })).file).toBe(file);
    }
    expect((await load({ "/etc/olla/models.yaml": good })).file).toBeUndefined();
  });

  test("a broken, an empty and an unreadable one are passed over with a warning each", async () => {
    const { file, problems } = await load({
      "models.yaml": "a: [1\n",
      "config/models.yaml": "# nothing yet\n",
      "config-base/models.yaml": "denied",
      "../config/models.yaml": good,
    });
    expect(file).toBe("../config/models.yaml");
    expect(problems.every(({ severity }) => severity === "warning")).toBe(true);
    const lines = problems.map(formatProblem).join("\n");
    expect(lines).toMatch(/^models\.yaml:\d+:\d+ /);
    expect(lines).toContain("config/models.yaml  is empty");
    expect(lines).toContain("permission denied");
  });
});

describe("what a models.yaml changes", () => {
  test("its own sections, and no other", async () => {
    const { naming, problems } = await load({
      "models.yaml": [
        'version: "1.0"',
        "capabilities:",
        "  name_patterns:",
        "    - { pattern: '(?i)zebra', capabilities: [stripes], description: of Go }",
        "quantization: { mappings: { exl2_4bpw: exl2 } }",
        "special_rules:",
        "",
      ].join("\n"),
    });
    expect(problems).toEqual([]);
    const builtin = builtinNaming();
    expect(naming.namePatterns.map(({ pattern }) => pattern.test("A Zebra"))).toEqual([true]);
    expect([...naming.quantizations]).toEqual([["EXL2_4BPW", "exl2"]]);
    expect(naming.typeCapabilities).toEqual(builtin.typeCapabilities);
    expect(naming.familyPatterns).toEqual(builtin.familyPatterns);
    expect(naming.preservedFamilies).toEqual(builtin.preservedFamilies);
  });

  test("a wrong section is the built-in one, with a warning at its place; the others count", async () => {
    const { naming, problems } = await load({
      "models.yaml": [
        "model_extraction:",
        "  family_patterns:",
        "    - { pattern: '^(good)-(.+)', family_group: 1, variant_group: 2 }",
        "    - { pattern: '^(bad', family_group: 1, variant_group: 2 }",
        "  family_aliases: [llama]",
        "  publisher_mappings: { zebra: savanna }",
        "capabilities: { context_thresholds: { long_context: far } }",
        "",
      ].join("\n"),
    });
    const builtin = builtinNaming();
    expect(naming.familyPatterns).toEqual(builtin.familyPatterns);
    expect(naming.familyAliases).toEqual(builtin.familyAliases);
    expect(naming.contextThresholds).toEqual(builtin.contextThresholds);
    expect([...naming.publishers]).toEqual([["zebra", "savanna"]]);
    const lines = problems.map(formatProblem);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toStartWith(
      "models.yaml:4:18  model_extraction.family_patterns[1].pattern: expected a reg",
    );
    expect(lines[0]).toContain("the built-in model_extraction.family_patterns is used");
    expect(lines[1]).toMatch(/^models\.yaml:5:\d+ {2}model_extraction\.family_aliases: expected a mapping/);
    expect(lines[2]).toMatch(/^models\.yaml:7:\d+ {2}capabilities\.context_thresholds\.long_context: /);
  });

  test("a group that its pattern does not have is noticed", async () => {
    const { problems } = await load({
      "models.yaml": "model_extraction: { family_patterns: [{ pattern: '^x', family_group: 1 }] }\n",
    });
    expect(problems.map(formatProblem).join()).toContain("family_group");
  });

  test("unknown keys are named with their place", async () => {
    const { problems } = await load({
      "models.yaml": `${good}capabilites: {}\nquantization: { maps: {} }\n`,
    });
    expect(problems.map(formatProblem)).toEqual([
      expect.stringMatching(/^models\.yaml:2:1 {2}capabilites: no such section/),
      expect.stringMatching(/^models\.yaml:3:17 {2}quantization\.maps: no such section/),
    ]);
    expect(problems.map(({ kind }) => kind)).toEqual(["unknown-key", "unknown-key"]);
  });
});

test("the built-in table is complete", () => {
  const naming = builtinNaming();
  expect(Object.keys(naming)).toHaveLength(10);
  expect(naming.familyPatterns).toHaveLength(21);
  expect(naming.quantizations.get("Q4_K_M")).toBe("q4km");
  expect(naming.publishers.get("kimi")).toBe("moonshotai");
});
