import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { systemClock } from "../lib/clock.ts";
import { ModelCatalog } from "./catalog.ts";
import type { UnifyRules } from "./unify.ts";

const hourMs = 3_600_000;

describe("ModelCatalog", () => {
  test("a model is found by its exact name, and ignoring case", () => {
    const { catalog } = withLists({ box: ["Qwen/Qwen2.5-7B"] });
    for (const name of ["Qwen/Qwen2.5-7B", "qwen/qwen2.5-7b", "QWEN/QWEN2.5-7B"]) {
      expect(places(catalog, name)).toEqual(["box Qwen/Qwen2.5-7B"]);
      expect(catalog.has(name)).toBe(true);
    }
  });

  test("endpoints that spell a model differently all have it, each in its own spelling", () => {
    const { catalog } = withLists({ b: ["Llama"], a: ["llama"] });
    expect(places(catalog, "Llama")).toEqual(["a llama", "b Llama"]);
    expect(places(catalog, "LLAMA")).toEqual(["a llama", "b Llama"]);
  });

  test("at an endpoint with two spellings the exact one is meant", () => {
    const { catalog } = withLists({ box: ["llama", "Llama"] });
    expect(places(catalog, "Llama")).toEqual(["box Llama"]);
    expect(places(catalog, "llama")).toEqual(["box llama"]);
    expect(places(catalog, "LLAMA")).toEqual(["box llama"]);
  });

  test("a name without a tag finds the latest one, and only that", () => {
    const { catalog } = withLists({ a: ["llama3:latest"], b: ["llama3:8b"], c: ["llama3"] });
    expect(places(catalog, "llama3")).toEqual(["a llama3:latest", "c llama3"]);
    expect(places(catalog, "Llama3")).toEqual(["a llama3:latest", "c llama3"]);
    expect(places(catalog, "llama3:latest")).toEqual(["a llama3:latest"]);
    expect(places(catalog, "llama3:8b")).toEqual(["b llama3:8b"]);
  });

  test("what is known of a model is known of each endpoint's own", () => {
    const { catalog } = withLists({ a: ["llava"] });
    catalog.replaceModels("b", "ollama", [{ name: "llava", statedSkills: { vision: false } }]);
    expect(catalog.traitsAt("a", "llava")?.skills.vision).toBe("yes");
    expect(catalog.traitsAt("b", "llava")?.skills.vision).toBe("no");
    expect(catalog.traitsAt("b", "LLAVA")).toBeUndefined();
    expect(catalog.traitsAt("c", "llava")).toBeUndefined();
  });

  test("a name with the latest tag finds the one without, when they are told to be one", () => {
    const lists = { a: ["tiny:latest"], b: ["Tiny"], c: ["tiny:7b"], d: ["host:5000/tiny"] };
    const { catalog } = withLists(lists, { isMerging: true, isUntaggedLatest: true });
    for (const name of ["tiny", "tiny:latest", "TINY:Latest"]) {
      expect(places(catalog, name)).toEqual(["a tiny:latest", "b Tiny"]);
    }
    expect(places(catalog, "tiny:7b")).toEqual(["c tiny:7b"]);
    expect(places(catalog, "tiny:7b:latest")).toEqual([]);
    expect(places(catalog, "host:5000/tiny:latest")).toEqual(["d host:5000/tiny"]);
    const { catalog: both } = withLists(
      { a: ["tiny", "tiny:latest"] },
      { isMerging: true, isUntaggedLatest: true },
    );
    expect(places(both, "tiny:latest")).toEqual(["a tiny:latest"]);
    expect(places(both, "tiny")).toEqual(["a tiny"]);
  });

  test("names find their places when nothing is merged", () => {
    const { catalog } = withLists({ a: ["x"], b: ["X"] }, { isMerging: false, isUntaggedLatest: false });
    expect(catalog.unified().map(({ id }) => id)).toEqual(["X@b", "x@a"]);
    expect(places(catalog, "x")).toEqual(["a x", "b X"]);
  });

  test("a model that is really called so comes before one that needs its tag added", () => {
    const { catalog } = withLists({ box: ["llama3:latest", "llama3"] });
    expect(places(catalog, "llama3")).toEqual(["box llama3"]);
    expect(places(catalog, "LLAMA3")).toEqual(["box llama3"]);
  });

  test("an unknown name is nowhere, names of object members included", () => {
    const { catalog } = withLists({ box: ["a"] });
    for (const name of ["b", "", "constructor", "__proto__", ":latest"]) {
      expect(catalog.placesOf(name)).toEqual([]);
      expect(catalog.has(name)).toBe(false);
    }
  });

  test("a new list replaces the endpoint's old one as a whole", () => {
    const { catalog } = withLists({ box: ["a", "b"], other: ["b"] });
    catalog.replaceModels("box", "ollama", [{ name: "c" }]);
    expect(catalog.has("a")).toBe(false);
    expect(places(catalog, "b")).toEqual(["other b"]);
    expect(catalog.names()).toEqual(["b", "c"]);
    expect(catalog.unified().map((model) => model.id)).toEqual(["b", "c"]);
    expect(catalog.modelsAt("box")).toEqual([{ name: "c" }]);
  });

  test("an empty list counts as an answer", () => {
    const { catalog, clock } = withLists({ box: [] });
    expect(catalog.lastUpdatedAt("box")).toBe(clock.wallTime());
    expect(catalog.modelsAt("box")).toEqual([]);
    expect(catalog.lastUpdatedAt("other")).toBeUndefined();
  });

  test("a forgotten endpoint leaves no model behind", () => {
    const { catalog } = withLists({ box: ["a"] });
    catalog.forget("box");
    expect(catalog.names()).toEqual([]);
    expect(catalog.unified()).toEqual([]);
    expect(catalog.lastUpdatedAt("box")).toBeUndefined();
  });

  test("the nearest names to a slip are named", () => {
    const { catalog } = withLists({ box: ["llama3:8b", "qwen2.5:7b"] });
    expect(catalog.nearest("lama3:8b", 3)).toEqual(["llama3:8b"]);
    expect(catalog.nearest("lama3", 3)).toEqual(["llama3:8b"]);
    expect(catalog.nearest("zzzzzzzz", 3)).toEqual([]);
  });

  test("the unified list is one array until something changes", () => {
    const { catalog } = withLists({ box: ["a"] });
    const before = catalog.unified();
    expect(catalog.unified()).toBe(before);
    catalog.replaceModels("box", "ollama", [{ name: "a" }]);
    expect(catalog.unified()).not.toBe(before);
  });
});

describe("machines that are alike", () => {
  const models = () => [{ name: "llama" }, { name: "qwen", maxContextLength: 8_192 }];

  test("have one list between them, each until its own changes", () => {
    const { catalog } = withLists({});
    catalog.replaceModels("a", "vllm", models());
    expect(catalog.sharedList("vllm", models())).toBe(catalog.modelsAt("a"));
    catalog.replaceModels("b", "vllm", models());
    catalog.replaceModels("c", "ollama", models());
    expect(catalog.modelsAt("b")).toBe(catalog.modelsAt("a"));
    expect(catalog.modelsAt("c")).not.toBe(catalog.modelsAt("a"));
    catalog.removeModel("b", "qwen");
    catalog.replaceModels("a", "vllm", [{ name: "gemma" }]);
    expect(places(catalog, "llama")).toEqual(["b llama", "c llama"]);
    expect(places(catalog, "qwen")).toEqual(["c qwen"]);
    expect(places(catalog, "gemma")).toEqual(["a gemma"]);
  });

  test("do not, where one model says anything else", () => {
    const { catalog } = withLists({});
    catalog.replaceModels("a", "vllm", models());
    const others = [{ name: "llama" }, { name: "qwen", maxContextLength: 4_096 }];
    expect(catalog.sharedList("vllm", others)).toBe(others);
    catalog.replaceModels("b", "vllm", others);
    expect(catalog.modelsAt("b")).toBe(others);
  });
});

describe("models of an endpoint that is not heard of any more", () => {
  test("stay through an outage, and go when they are stale", () => {
    const { catalog, clock } = withLists({ silent: ["a"], alive: ["b"] });
    catalog.start();
    for (let hour = 0; hour < 24; hour += 1) {
      clock.advance(hourMs);
      catalog.replaceModels("alive", "ollama", [{ name: "b" }]);
    }
    expect(catalog.has("a")).toBe(true);
    clock.advance(hourMs);
    expect(catalog.has("a")).toBe(false);
    expect(catalog.unified().map((model) => model.id)).toEqual(["b"]);
    catalog.stop();
    expect(clock.pendingTimers()).toBe(0);
  });

  test("starting and stopping twice leaves one timer, then none", () => {
    const { catalog, clock } = withLists({});
    catalog.start();
    catalog.start();
    expect(clock.pendingTimers()).toBe(1);
    catalog.stop();
    catalog.stop();
    expect(clock.pendingTimers()).toBe(0);
  });
});

function withLists(lists: Readonly<Record<string, readonly string[]>>, rules?: UnifyRules) {
  const clock = createFakeClock();
  const catalog = new ModelCatalog({
    clock,
    staleAfterMs: 24 * hourMs,
    cleanupIntervalMs: 600_000,
    ...(rules && { rules }),
  });
  for (const [endpointName, names] of Object.entries(lists)) {
    catalog.replaceModels(
      endpointName,
      "ollama",
      names.map((name) => ({ name })),
    );
  }
  return { catalog, clock };
}

function places(catalog: ModelCatalog, name: string): readonly string[] {
  return catalog.placesOf(name).map((place) => `${place.endpointName} ${place.model.name}`);
}

test("a long list is described in turns, so that others get theirs", async () => {
  const catalog = new ModelCatalog({ clock: systemClock, staleAfterMs: hourMs, cleanupIntervalMs: hourMs });
  const models = Array.from({ length: 20_000 }, (_, index) => ({ name: `org/llama-3.1-8b-${index}` }));
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await catalog.describeAhead("vllm", models);
  isOver = true;
  expect(turns).toBeGreaterThan(4);
  catalog.replaceModels("a", "vllm", models);
  expect(catalog.unified()).toHaveLength(20_000);
});
