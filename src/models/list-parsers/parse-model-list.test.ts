import { describe, expect, test } from "bun:test";
import { type ListFormat, listFormats } from "../../profiles/profile.ts";
import { ModelListError, type ModelListFault } from "./model-list-error.ts";
import { parseModelList } from "./parse-model-list.ts";

describe("parseModelList", () => {
  const wrongBodies: readonly [body: string, fault: ModelListFault][] = [
    ["", "empty"],
    [" \n ", "empty"],
    ["<!doctype html><title>Hello</title>", "not-json"],
    ["Ollama is running", "not-json"],
    ['{"models":[{"name":"a"},{"na', "broken-json"],
    ['{"data":[{"id":"a"}', "broken-json"],
    ['["a","b"]', "wrong-shape"],
    ["null", "wrong-shape"],
    ['"text"', "wrong-shape"],
    ["{}", "wrong-shape"],
    ['{"models":{"a":1},"data":"b"}', "wrong-shape"],
    ['{"error":"no"}', "wrong-shape"],
  ];
  for (const [body, fault] of wrongBodies) {
    test(`${JSON.stringify(body)} is refused as ${fault} in every format`, () => {
      for (const format of listFormats) expect(faultOf(format, body)).toBe(fault);
    });
  }

  test("an OpenAI list is not an Ollama list without models", () => {
    expect(faultOf("ollama", '{"object":"list","data":[]}')).toBe("wrong-shape");
  });

  test("an empty list is a list, also where a Go program writes null", () => {
    expect(parse("ollama", '{"models":[]}')).toEqual([]);
    expect(parse("ollama", '{"models":null}')).toEqual([]);
    expect(parse("openai", '{"data":[]}')).toEqual([]);
  });

  test("entries without a usable name are left out, the others stay", () => {
    const entries = [null, 7, "text", [], {}, { id: "" }, { id: "  " }, { id: 5 }, { id: "good" }];
    for (const format of ["openai", "vllm", "lmstudio"] as const) {
      expect(parse(format, JSON.stringify({ data: entries }))).toEqual([{ name: "good" }]);
    }
    expect(parse("ollama", JSON.stringify({ models: [{ name: null }, { name: "good" }] }))).toEqual([
      { name: "good" },
    ]);
  });

  const dataFormats = listFormats.filter((format) => format !== "ollama");

  test("every format with a data list takes what has a name, and little else", () => {
    const data = [
      null,
      7,
      [],
      { id: 5 },
      { id: "a", owned_by: 7, parent: [], max_model_len: "x" },
      { id: "b" },
    ];
    for (const format of dataFormats) {
      const body = JSON.stringify({ data: [...data, { id: "a" }] });
      expect([format, namesOf(format, body)]).toEqual([format, ["a", "b"]]);
      expect([format, namesOf(format, '{"data":null}')]).toEqual([format, []]);
    }
  });

  test("a list of 20,000 models is read whole", () => {
    const data = Array.from({ length: 20_000 }, (_entry, index) => ({
      id: `org/model-${index}`,
      created: 1,
    }));
    for (const format of dataFormats) expect(namesOf(format, JSON.stringify({ data }))).toHaveLength(20_000);
  });

  test("what a backend says beyond the known is kept, unless it is far too much", () => {
    for (const format of [
      "vllm",
      "sglang",
      "lmdeploy",
      "lemonade",
      "llamacpp",
      "docker-model-runner",
    ] as const) {
      const entry = { id: "a", colour: "blue" };
      expect(parse(format, JSON.stringify({ data: [entry] }))[0]).toMatchObject({
        nativeFields: { colour: "blue" },
      });
      const huge = { id: "a", colour: "blue".repeat(2000) };
      expect(parse(format, JSON.stringify({ data: [huge] }))[0]).not.toHaveProperty("nativeFields");
    }
  });

  test("the program's own name is no publisher, another's is", () => {
    for (const [format, program] of [
      ["vllm", "vllm"],
      ["vllm-mlx", "vllm"],
      ["vllm-mlx", "vllm-mlx"],
      ["sglang", "sglang"],
      ["lmdeploy", "lmdeploy"],
      ["llamacpp", "llamacpp"],
      ["docker-model-runner", "docker"],
    ] as const) {
      const data = [
        { id: "a", owned_by: program },
        { id: "b", owned_by: "meta" },
      ];
      const [own, other] = parse(format, JSON.stringify({ data }));
      expect(own).not.toHaveProperty("publisher");
      expect(other).toMatchObject({ publisher: "meta" });
    }
  });

  test("Lemonade's labels, recipes and checkpoints say type, format and publisher", () => {
    const data = [
      { id: "a", labels: ["vision"], recipe: "flm", downloaded: false },
      { id: "b", labels: ["embeddings"], recipe: "oga-npu", checkpoint: "/odd" },
      { id: "c", recipe: "whispercpp", checkpoint: "org/file:Q4" },
    ];
    expect(parse("lemonade", JSON.stringify({ data }))).toMatchObject([
      { type: "vlm", format: "gguf", state: "not-downloaded" },
      { type: "embeddings", format: "onnx" },
      { publisher: "org" },
    ]);
  });

  test("a name that is listed twice counts once, the first time", () => {
    const data = [{ id: "a", max_model_len: 10 }, { id: "A" }, { id: "a", max_model_len: 20 }];
    expect(parse("vllm", JSON.stringify({ data }))).toEqual([
      { name: "a", maxContextLength: 10 },
      { name: "A" },
    ]);
  });

  test("members of the wrong kind count as not given", () => {
    const junk = {
      name: "a",
      size: "big",
      digest: 5,
      modified_at: "yesterday",
      capabilities: "all",
      details: { family: 1, families: [1, "", "llama"], parameter_size: null, context_length: -1 },
    };
    expect(parse("ollama", JSON.stringify({ models: [junk] }))).toEqual([{ name: "a", families: ["llama"] }]);
    const openaiJunk = {
      id: "b",
      created: "now",
      owned_by: {},
      max_model_len: "long",
      meta: [],
      status: "up",
    };
    expect(parse("openai", JSON.stringify({ data: [openaiJunk] }))).toEqual([
      { name: "b", nativeFields: { max_model_len: "long", meta: [] }, nativeFormat: "openai" },
    ]);
    const studioJunk = { id: "c", type: "constructor", arch: 5, state: "", max_context_length: 0 };
    expect(parse("lmstudio", JSON.stringify({ data: [studioJunk] }))).toEqual([{ name: "c" }]);
  });

  test("a byte order mark does no harm", () => {
    expect(parse("openai", '\uFEFF{"data":[{"id":"a"}]}')).toEqual([{ name: "a" }]);
  });
});

function parse(format: ListFormat, body: string): readonly object[] {
  return parseModelList(format, new TextEncoder().encode(body)).models;
}

function namesOf(format: ListFormat, body: string): string[] {
  return parseModelList(format, new TextEncoder().encode(body)).models.map(({ name }) => name);
}

function faultOf(format: ListFormat, body: string): ModelListFault | undefined {
  try {
    parse(format, body);
    return undefined;
  } catch (error) {
    if (error instanceof ModelListError) return error.fault;
    throw error;
  }
}
