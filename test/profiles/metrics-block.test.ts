import { expect, test } from "bun:test";
import { formatProblem } from "../../src/config/problem.ts";
import { MetricsRecord } from "../../src/observe/metrics-record.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { parseProfile } from "../../src/profiles/load.ts";

function load(...lines: string[]) {
  const problems: Parameters<typeof parseProfile>[2] = [];
  const profile = parseProfile(
    "x.yaml",
    ["name: x", "metrics:", "  extraction:", ...lines].join("\n"),
    problems,
  );
  return { profile, lines: problems.map(formatProblem) };
}

test("what does not compile is a warning with its place, and the rest of the profile works", () => {
  const { profile, lines } = load(
    "    paths:",
    "      model: $.model",
    "      input_tokens: $.usage[",
    "    headers: {output_tokens: X Out}",
    "    calculations:",
    "      tokens_per_second: output_tokens / (total_ms",
    "      ttft_ms: total_ms / 2",
  );
  expect(lines).toEqual([
    'x.yaml:6:7  metrics.extraction.paths.input_tokens: expected a path like $.usage.total_tokens, got "$.usage["; left out',
    'x.yaml:7:15  metrics.extraction.headers.output_tokens: expected a header\'s name, got "X Out"; left out',
    'x.yaml:9:7  metrics.extraction.calculations.tokens_per_second: expected ")", but the expression ends at character 26; left out',
  ]);
  expect(profile?.metrics?.paths.map(({ field }) => field)).toEqual(["model"]);
  expect(profile?.metrics?.headers).toEqual([]);
  expect(profile?.metrics?.calculations.map(({ field }) => field)).toEqual(["ttft_ms"]);
});

test("a block that is switched off is none, and is still checked", () => {
  const { profile, lines } = load("    enabled: false", "    calculations: {ttft_ms: 1 +}");
  expect(profile).toBeDefined();
  expect(profile?.metrics).toBeUndefined();
  expect(lines).toHaveLength(1);
});

test("written for the reference loads without a word; a mistyped key does not", () => {
  expect(load("    enabled: true", "    source: response_body", "    format: json").lines).toEqual([]);
  expect(load("    calculation: {}").lines).toEqual([
    'x.yaml:4:5  metrics.extraction.calculation: unknown key, did you mean "calculations"?',
  ]);
});

test("every shipped profile says where its figures stand, and all of it compiles", async () => {
  const folder = new Bun.Glob("*.yaml").scan({ cwd: `${import.meta.dir}/../../profiles`, absolute: true });
  for await (const path of folder) {
    const problems: Parameters<typeof parseProfile>[2] = [];
    parseProfile(path, await Bun.file(path).text(), problems);
    expect(problems).toEqual([]);
  }
  const silent = builtinProfiles().filter(({ metrics }) => metrics === undefined);
  expect(silent.map(({ name }) => name)).toEqual([]);
});

/** Whether a figure of this name ends up in the record. */
function isRecorded(name: string): boolean {
  return [1e9, "text", true].some((value) => {
    const record = new MetricsRecord();
    record.set(name, value);
    return record.finish(undefined) !== undefined;
  });
}

interface ShippedFile {
  readonly metrics: {
    readonly extraction: {
      readonly paths: Record<string, string>;
      readonly calculations: Record<string, string>;
    };
  };
}

test("no shipped profile names a figure that neither the record nor a calculation takes", async () => {
  const unread: string[] = [];
  for await (const path of new Bun.Glob("*.yaml").scan({
    cwd: `${import.meta.dir}/../../profiles`,
    absolute: true,
  })) {
    const file: { default: ShippedFile } = await import(path);
    const { paths, calculations } = file.default.metrics.extraction;
    const used = new Set(Object.values(calculations).flatMap((source) => source.match(/[a-z_]\w*/gi) ?? []));
    unread.push(...Object.keys(calculations).filter((name) => !isRecorded(name)));
    unread.push(...Object.keys(paths).filter((name) => !isRecorded(name) && !used.has(name)));
  }
  expect(unread).toEqual([]);
  expect(isRecorded("new_tokens")).toBe(false);
});
