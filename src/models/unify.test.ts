import { describe, expect, test } from "bun:test";
import { builtinNaming } from "../config/builtin-naming.ts";
import type { Model } from "./model.ts";
import { ModelDescriber } from "./model-attributes.ts";
import { type EndpointModels, narrowModel, type UnifyRules, unifyModels } from "./unify.ts";

const describer = new ModelDescriber({ naming: builtinNaming() });
const allRules: readonly UnifyRules[] = [true, false].flatMap((isMerging) =>
  [true, false].map((isUntaggedLatest) => ({ isMerging, isUntaggedLatest })),
);

describe("unifyModels", () => {
  test("one name on several endpoints is one model with a source each", () => {
    const [model, ...others] = unifyModels([
      list("b", [{ name: "Llama3" }], "vllm"),
      list("a", [{ name: "llama3" }]),
    ]);
    expect(others).toEqual([]);
    expect(model?.id).toBe("llama3");
    expect(model?.aliases).toEqual([
      { name: "llama3", source: "ollama" },
      { name: "Llama3", source: "vllm" },
    ]);
    expect(model?.sources.map((source) => source.endpointName)).toEqual(["a", "b"]);
  });

  test("one digest under several names is one model, every name kept with its endpoint", () => {
    const [model, ...others] = unifyModels([
      list("a", [
        { name: "x:latest", digest: "sha256:AA11", sizeBytes: 100 },
        { name: "x-copy:latest", digest: "aa11", sizeBytes: 100 },
      ]),
      list("b", [{ name: "y:latest", digest: "aa11", sizeBytes: 100 }]),
    ]);
    expect(others).toEqual([]);
    expect(model?.sources.map((source) => `${source.endpointName} ${source.nativeName}`)).toEqual([
      "a x:latest",
      "a x-copy:latest",
      "b y:latest",
    ]);
    expect(model?.totalSizeBytes).toBe(200);
  });

  test("one name with two digests is two models, the second with the end of its digest", () => {
    const models = unifyModels([
      list("a", [{ name: "x", digest: "1111111111" }]),
      list("b", [{ name: "x", digest: "0022222222" }]),
      list("c", [{ name: "x", digest: "abc" }]),
    ]);
    expect(models.map((model) => model.id)).toEqual(["x", "x-22222222", "x-abc"]);
    expect(models.map((model) => model.aliases[0]?.name)).toEqual(["x", "x", "x"]);
  });

  test("a model without a digest joins its namesake", () => {
    const models = unifyModels([
      list("a", [{ name: "x", digest: "11" }]),
      list("b", [{ name: "X" }], "vllm"),
    ]);
    expect(models).toHaveLength(1);
  });

  test("the order of endpoints changes nothing", () => {
    const lists = [
      list("a", [{ name: "x", digest: "1" }, { name: "y" }]),
      list("b", [{ name: "x", digest: "2" }], "lm-studio"),
      list("c", [{ name: "Z" }, { name: "Y", digest: "1" }], "vllm"),
    ];
    expect(unifyModels(lists.toReversed())).toEqual(unifyModels(lists));
  });

  test("the order of endpoints and of their lists changes nothing", () => {
    const lists = Array.from({ length: 6 }, (_, place) =>
      list(
        `box-${place}`,
        Array.from({ length: 8 }, (_, index) => ({
          name: `${index % 2 === 0 ? "m" : "M"}-${(index * 3 + place) % 7}${index % 3 === 0 ? ":latest" : ""}`,
          ...((index + place) % 4 === 0 ? {} : { digest: `${(index * place) % 5}`.repeat(12) }),
        })),
        place % 2 === 0 ? "ollama" : "vllm",
      ),
    );
    let seed = 7;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed;
    };
    const shuffle = <Item>(items: readonly Item[]) =>
      items
        .map((item) => ({ item, key: random() }))
        .sort((a, b) => a.key - b.key)
        .map(({ item }) => item);
    for (const rules of allRules) {
      const expected = unifyModels(lists, describer, rules);
      expect(new Set(expected.map(({ id }) => id)).size).toBe(expected.length);
      for (let round = 0; round < 50; round += 1) {
        const shuffled = shuffle(lists).map((each) => ({ ...each, models: shuffle(each.models) }));
        expect(unifyModels(shuffled, describer, rules)).toEqual(expected);
      }
    }
  });

  test("a name without a tag and its latest are one when they are told to be", () => {
    const lists = [
      list("cpp", [{ name: "tiny" }], "llamacpp"),
      list("box", [
        { name: "Tiny:latest", digest: "11" },
        { name: "tiny:7b", digest: "22" },
      ]),
    ];
    const apart = unifyModels(lists);
    expect(apart.map(({ id }) => id)).toEqual(["Tiny:latest", "tiny", "tiny:7b"]);
    const together = unifyModels(lists, describer, { isMerging: true, isUntaggedLatest: true });
    expect(together.map(({ id }) => id)).toEqual(["Tiny:latest", "tiny:7b"]);
    expect(together[0]?.aliases.map(({ name }) => name)).toEqual(["Tiny:latest", "tiny"]);
  });

  test("without merging every name at every endpoint is a record of its own", () => {
    const lists = [
      list("b", [{ name: "x", digest: "11" }]),
      list("a", [
        { name: "x", digest: "11" },
        { name: "x-copy", digest: "11" },
      ]),
    ];
    const records = unifyModels(lists, describer, { isMerging: false, isUntaggedLatest: true });
    expect(records.map(({ id, sources }) => [id, sources.length])).toEqual([
      ["x-copy@a", 1],
      ["x@a", 1],
      ["x@b", 1],
    ]);
    // Fewer endpoints leave the ids of the others as they were.
    expect(unifyModels(lists.slice(1), describer, { isMerging: false, isUntaggedLatest: false })).toEqual(
      records.slice(0, 2),
    );
  });

  test("what one source does not say another fills in", () => {
    const [model] = unifyModels([
      list("a", [{ name: "org/llama-3.1-8b" }], "vllm"),
      list("b", [
        {
          name: "org/Llama-3.1-8B",
          quantization: "Q4_K_M",
          parameterSize: "8.0B",
          maxContextLength: 131_072,
          type: "llm",
        },
      ]),
    ]);
    expect(model).toMatchObject({
      id: "org/llama-3.1-8b",
      family: "llama",
      variant: "3.1",
      type: "llm",
      parameterSize: "8b",
      parameterCount: 8e9,
      quantization: "q4km",
      maxContextLength: 131_072,
      publisher: "org",
    });
    expect(model?.capabilities).toContain("long-context");
  });

  test("a size on disk is no number of parameters", () => {
    expect(unifyModels([list("a", [{ name: "x", sizeBytes: 5e9 }])])[0]?.parameterCount).toBe(0);
  });

  test("the state is the backend's word, else what its size tells", () => {
    const models = unifyModels([
      list("a", [{ name: "x", state: "loaded" }, { name: "y", sizeBytes: 1 }, { name: "z" }]),
    ]);
    expect(models.map((model) => model.sources[0]?.state)).toEqual(["loaded", "available", "unknown"]);
  });

  test("nothing listed is nothing", () => {
    expect(unifyModels([])).toEqual([]);
    expect(unifyModels([list("a", [])])).toEqual([]);
  });
});

describe("narrowModel", () => {
  test("forgets what only the other sources know", () => {
    const [model] = unifyModels([
      list("a", [{ name: "x", capabilities: ["tools"], sizeBytes: 5 }]),
      list("b", [{ name: "X", sizeBytes: 7 }], "vllm"),
    ]);
    if (model === undefined) throw new Error("no model");
    const narrowed = narrowModel(model, (source) => source.backendType === "vllm");
    expect(narrowed?.aliases).toEqual([{ name: "X", source: "vllm" }]);
    expect(narrowed?.capabilities).not.toContain("tools");
    expect(narrowed?.totalSizeBytes).toBe(7);
    expect(narrowModel(model, () => false)).toBeUndefined();
    expect(narrowModel(model, () => true)).toBe(model);
  });
});

function list(endpointName: string, models: readonly Model[], backendType = "ollama"): EndpointModels {
  return { endpointName, backendType, models, refreshedAt: 1000 };
}
