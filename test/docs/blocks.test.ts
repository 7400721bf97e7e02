// Every block of a page is what it looks like: configurations load, profiles load, JSON and other YAML parse.
//
// `yaml` is a configuration of Olla's. What it may be warned about, or why it is none, stands in a comment in front:
// <!-- warns: proxy.response_timeout, server.host --> or <!-- not a configuration: an entry of a list -->
import { describe, expect, test } from "bun:test";
import { prepare } from "../../src/cli/preparation.ts";
import { listSections } from "../../src/config/key-list.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { configSchema } from "../../src/config/schema.ts";
import { parseProfile } from "../../src/profiles/load.ts";
import { pem } from "../support/tls-files.ts";
import { type CodeBlock, readPage, readPages, root } from "./pages.ts";

const pages = await readPages();
const blocks = pages.flatMap((page) => page.blocks);
const sections = listSections(configSchema).map(({ path }) => path);

type Kind = "configuration" | "profile" | "other YAML" | "unknown";

/** By what it holds, because `yaml` and `yml` are one language to a reader. */
function kindOf({ language, text, mark }: CodeBlock): Kind {
  const content: unknown = Bun.YAML.parse(text);
  if (mark?.kind === "not a configuration") return "other YAML";
  const keys = typeof content === "object" && content !== null ? Object.keys(content) : [];
  if (keys.includes("routing") && keys.includes("api")) return "profile";
  if (keys.some((key) => ["services", "apiVersion", "scrape_configs"].includes(key))) return "other YAML";
  if (keys.length > 0 && keys.every((key) => sections.includes(key) || key === "model_aliases")) {
    return "configuration";
  }
  return language === "yml" ? "other YAML" : "unknown";
}

const yamlBlocks = blocks.filter(({ language }) => language === "yaml" || language === "yml");
const ofKind = (kind: Kind) => yamlBlocks.filter((block) => kindOf(block) === kind);

/** Whatever a page's configuration reads besides itself. */
async function readSecret(path: string): Promise<string> {
  if (!path.endsWith(".pem")) return "what-the-file-of-a-secret-holds";
  return pem(path.endsWith("privkey.pem") || path.endsWith("key.pem") ? "one.key" : "one.pem");
}

/** All the variables that a page's configuration refers to. */
function variablesOf(text: string): Record<string, string> {
  const names = [...text.matchAll(/\$\{([A-Z_0-9]+)\}/g)].map(([, name = ""]) => name);
  return Object.fromEntries(names.map((name) => [name, "what-a-variable-holds"]));
}

test("every YAML block is a configuration, a profile, or says that it is neither", () => {
  expect(ofKind("unknown").map(({ place }) => place)).toEqual([]);
  expect(ofKind("configuration").length).toBeGreaterThan(20);
  expect(ofKind("profile").length).toBeGreaterThan(0);
});

test.each(ofKind("configuration").map((block) => [block.place, block] as const))(
  "the configuration at %s loads, with the warnings that its comment names",
  async (_, { text, mark }) => {
    const readFile = async (path: string) => (path.endsWith("page.yaml") ? text : await readSecret(path));
    const env = variablesOf(text);
    const { endpoints, problems } = await prepare({ configPath: "page.yaml", env, cwd: root, readFile });
    const allowed = mark?.kind === "warns" ? mark.says.split(/[,\s]+/) : [];
    const errors = problems.filter(({ severity }) => severity === "error");
    expect(errors.map(formatProblem)).toEqual([]);
    expect(problems.map(({ path }) => path).toSorted()).toEqual(allowed.toSorted());
    if (/^ *endpoints:\n/m.test(text)) expect(endpoints?.endpoints.length).toBeGreaterThan(0);
  },
);

test.each(ofKind("profile").map((block) => [block.place, block] as const))(
  "the profile at %s loads without a complaint",
  (place, { text }) => {
    const problems: Parameters<typeof parseProfile>[2] = [];
    expect(parseProfile(place, text, problems)?.name).toBeString();
    expect(problems.map(formatProblem)).toEqual([]);
  },
);

test("every JSON block is JSON, and every TOML block TOML", () => {
  const parsers: Record<string, (text: string) => unknown> = { json: JSON.parse, toml: Bun.TOML.parse };
  const parsed = blocks.flatMap(({ language, text, place }) => {
    const parse = parsers[language];
    if (parse === undefined) return [];
    expect(parse(text), place).toBeObject();
    return [place];
  });
  expect(parsed.length).toBeGreaterThan(3);
});

test("every mark in front of a block is one of those that are understood, and gives a reason", () => {
  const marks = blocks.flatMap(({ mark, place }) => (mark === undefined ? [] : [{ ...mark, place }]));
  const known = ["warns", "not a configuration", "not asked"];
  const wrong = marks.filter(({ kind, says }) => !known.includes(kind) || says.length < 5);
  expect(wrong.map(({ place, kind }) => `${place}: ${kind}`)).toEqual([]);
});

describe("a page's marks and blocks", () => {
  const text = [
    "Words.",
    "",
    "<!-- warns: server.host -->",
    "",
    "```yaml",
    "server:",
    "  host: 0.0.0.0",
    "```",
    "",
    "Words.",
    "",
    "```yaml",
    "colour: red",
    "```",
    "",
  ].join("\n");
  const [first, second] = readPage("page.md", text).blocks;

  test("belong to the block that follows them, and to no other", () => {
    expect(first).toMatchObject({ place: "page.md:6", mark: { kind: "warns", says: "server.host" } });
    expect(second).toMatchObject({ place: "page.md:13", mark: undefined });
  });

  test("tell configurations from what only looks like one", () => {
    expect(first && kindOf(first)).toBe("configuration");
    expect(second && kindOf(second)).toBe("unknown");
  });
});
