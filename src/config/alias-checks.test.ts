import { describe, expect, test } from "bun:test";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

function load(text: string): Promise<LoadedConfig> {
  return loadConfig({ path: "olla.yaml", env: {}, cwd: "/", readFile: async () => text });
}

const endpoints = "discovery: { static: { endpoints: [{ name: desk, url: 'http://a:1' }] } }\n";

async function errorsOf(aliases: string, before = ""): Promise<string[]> {
  const { problems, config } = await load(`${before}model_aliases: ${aliases}`);
  const errors = problems.filter((problem) => problem.severity === "error").map(formatProblem);
  expect(config === undefined).toBe(errors.length > 0);
  return errors;
}

describe("aliases as they may be written", () => {
  test.each([
    ["{}"],
    ["{ a: [b, a] }"],
    [
      "{ a: [{ model: b, endpoint: x, weight: 2, params: { num_ctx: 4096, stop: [a], nested: { x: null } } }] }",
    ],
    ["{ a: [{ model: b, endpoint: , weight: , params: }] }"],
    ["{ a: [b], c: [a, d] }"],
    [
      "{ a: [{ model: b, weight: 1 }, { model: c, weight: 2 }], d: [{ model: a, weight: 1 }, { model: e, weight: 1 }] }",
    ],
    ["{ chain: [{ model: b }, c], short: [chain], longer: [{ model: chain }, d] }"],
    ["{ größe: [b], 'two words': [c], org/name: [d], 4o: [e], __proto__: [f] }"],
  ])("%p", async (aliases) => {
    expect(await errorsOf(aliases)).toEqual([]);
  });

  test("texts and mappings come through as they are, a weight only where one was given", async () => {
    const { config } = await load("model_aliases: { a: [b], c: [d, { model: e }, { model: f, weight: 2 }] }");
    const plain = { endpoint: undefined, weight: undefined, params: {} };
    expect(config?.model_aliases).toEqual({
      a: ["b"],
      c: ["d", { ...plain, model: "e" }, { ...plain, model: "f", weight: 2 }],
    });
  });

  test("nothing is said about aliases that are well", async () => {
    const { problems } = await load(
      "model_aliases: { a: [b, { model: b, endpoint: x }, { model: b, params: { n: 1 } }] }",
    );
    expect(problems).toEqual([]);
  });
});

describe("what is wrong with one alias", () => {
  test.each([
    ["{ a: [] }", "expected a list of at least one model"],
    ["{ a: b }", "expected a list of at least one model, got a string; put it in brackets"],
    ["[a]", "expected a mapping from names"],
    ["{ a: [b, ''] }", 'alias "a", item 1: expected a model name, got an empty string'],
    ["{ a: [' '] }", "expected a model name"],
    ["{ a: [7] }", "put it in quotes"],
    ["{ a: [null] }", "expected a model name, got nothing"],
    ['{ a: ["b\\n"] }', "without control characters"],
    ["{ ' a': [b] }", "expected a name without spaces"],
    ["{ '': [b] }", "expected a name that is not empty"],
    ['{ "a\\u0007": [b] }', "expected a name without control characters"],
    [`{ ${"a".repeat(257)}: [b] }`, "of at most 256 characters"],
    ["{ a: [{ modle: b }] }", "did you mean `model`?"],
    ["{ a: [{ model: b, weight: 0 }] }", "expected a weight above 0"],
    ["{ a: [{ model: b, weight: -1 }] }", "expected a weight above 0"],
    ["{ a: [{ model: b, weight: .inf }] }", "expected a weight above 0"],
    ["{ a: [{ model: b, weight: '2' }] }", "expected a weight above 0"],
    ["{ a: [{ model: b, endpoint: 1 }] }", "expected the name of an endpoint"],
    ["{ a: [{ model: b, params: [] }] }", "expected params to be a mapping"],
    ["{ a: [{ model: b, params: { model: c } }] }", "`model` is for the client to say"],
    ["{ a: [{ model: b, params: { Stream: true } }] }", "`Stream` is for the client to say"],
    ["{ a: [{ model: b, params: { messages: [] } }] }", "`messages` is for the client to say"],
    ["{ a: [{ model: b, params: { '': 1 } }] }", "expected params with plain names"],
    ["{ a: [{ model: b, params: { größe: 1 } }] }", "expected params with plain names"],
    ["{ a: [{ model: b, params: { n: .nan } }] }", "can be written as JSON"],
    ["{ a: [{ model: b, params: &p { n: *p } }] }", "can be written as JSON"],
  ])("%p", async (aliases, message) => {
    expect((await errorsOf(aliases)).join("\n")).toContain(message);
  });

  test("what would disturb a terminal does not get there", async () => {
    expect((await errorsOf('{ "a\\u001b[31m": [b] }')).join()).not.toContain("\u001b");
  });

  test("a name that cannot be one is shown in its own line", async () => {
    expect(await errorsOf('\n  good: [b]\n  " x ": [b]\n  "a\\nb": [b]\n')).toEqual([
      'olla.yaml:3:10  model_aliases[" x "]: expected a name without spaces around it, got " x "',
      'olla.yaml:4:11  model_aliases["a\\nb"]: expected a name without control characters, got "a\\nb"',
    ]);
  });

  test("items without a name are not told to be the same", async () => {
    const { problems } = await load("model_aliases: { a: [1, 2] }");
    expect(problems.map(({ severity }) => severity)).toEqual(["error", "error"]);
  });

  test.each([
    ["{ a: [b, b] }"],
    ["{ a: [b, B] }"],
    ["{ a: [{ model: b, endpoint: x }, { model: b, endpoint: x }] }"],
  ])("the same model twice in %p is a warning at the second", async (aliases) => {
    const { config, problems } = await load(`model_aliases: ${aliases}`);
    expect(config).toBeDefined();
    expect(problems.map(({ kind, path }) => [kind, path])).toEqual([["advice", "model_aliases.a[1]"]]);
  });
});

describe("what is wrong with aliases together", () => {
  test("a circle is named with its way, where it closes", async () => {
    expect(await errorsOf("\n  one: [x, Two]\n  two: [{ model: three }]\n  three: [y, one]\n")).toEqual([
      "olla.yaml:4:14  model_aliases.three[1]: expected aliases that lead to models, got a circle: one -> two -> three -> one",
    ]);
  });

  test("every circle is reported once, and what leads into one is not", async () => {
    const errors = await errorsOf("{ in: [a], a: [b], b: [a], c: [c, d], d: [c] }");
    expect(errors.map((error) => error.split("circle: ")[1])).toEqual(["a -> b -> a", "c -> d -> c"]);
  });

  test("its own name in its list is the model of that name, in any case", async () => {
    expect(await errorsOf("{ Tiny: [tiny, other], top: [{ model: TINY }, x] }")).toEqual([]);
  });

  test("names that differ by case only are one name", async () => {
    expect((await errorsOf("{ Fast: [a], fast: [b] }")).join()).toContain('got "Fast" with other capitals');
  });

  test("an endpoint that is not there is named with its place and the nearest that is", async () => {
    expect(await errorsOf("\n  a:\n    - { model: b, endpoint: dsk }", endpoints)).toEqual([
      'olla.yaml:4:29  model_aliases.a[0].endpoint: expected the name of a configured endpoint, got "dsk"; did you mean "desk"?',
    ]);
    expect(await errorsOf("{ a: [{ model: b, endpoint: desk }] }", endpoints)).toEqual([]);
  });

  test("where Olla looks for endpoints itself their names are not known", async () => {
    expect(await errorsOf("{ a: [{ model: b, endpoint: ollama }] }")).toEqual([]);
  });

  test("a chain can be neither in a pool nor have a weight among others", async () => {
    const chain = "chain: [{ model: x }, { model: y }]";
    expect((await errorsOf(`{ ${chain}, a: [chain, b] }`)).join()).toContain(
      'model_aliases.a[0]: expected a model or an alias of one step, got "chain" with 2 steps; to try the items in order, write the items as `{model: …}`',
    );
    const weighted = `{ ${chain}, a: [{ model: b, weight: 1 }, { model: Chain, weight: 1 }] }`;
    expect((await errorsOf(weighted)).join()).toContain("leave the weights out");
    expect(await errorsOf(`{ ${chain}, a: [{ model: chain, weight: 1 }, b] }`)).toEqual([]);
  });

  test("what shares by weight would lose its weights in a pool", async () => {
    const shares = "shares: [{ model: x, weight: 1 }, { model: y, weight: 2 }]";
    expect((await errorsOf(`{ ${shares}, a: [shares, b] }`)).join()).toContain(
      "give the items here weights, too",
    );
    expect(await errorsOf(`{ ${shares}, a: [{ model: shares }, b], c: [shares] }`)).toEqual([]);
  });

  test("mistakes of several kinds are all reported, also next to what the schema refuses", async () => {
    const errors = await errorsOf(
      "{ a: [b, ''], c: [d], d: [c], e: [{ model: f, endpoint: g }] }",
      endpoints,
    );
    expect(errors).toHaveLength(3);
  });

  test("aliases that double at every level end before memory does", async () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const next = level === 29 ? "model" : `a${level + 1}`;
      return `a${level}: [{ model: ${next}, params: { seed: 1 } }, { model: ${next} }]`;
    });
    const errors = await errorsOf(`{ ${levels.join(", ")} }`);
    expect(errors.join()).toContain("model_aliases.a0: expected at most 1000 models behind an alias");
    expect(errors).toHaveLength(21);
  });
});
