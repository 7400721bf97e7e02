import { describe, expect, test } from "bun:test";
import type { ModelAliases } from "../config/schema-aliases.ts";
import type { AliasStep } from "./alias.ts";
import { createAliasTable } from "./alias-table.ts";

const long = (
  model: string,
  rest: { endpoint?: string; weight?: number; params?: Record<string, unknown> } = {},
) => ({
  model,
  endpoint: rest.endpoint,
  weight: rest.weight,
  params: rest.params ?? {},
});

/** Steps as text: `pool x y`, `1*x + 2*y`, with the endpoint behind an `@`. Models of one share are joined by `|`. */
function stepsOf(aliases: ModelAliases, name: string): string[] {
  return (createAliasTable(aliases).find(name)?.steps ?? []).map(describeStep);
}

function describeStep({ kind, targets }: AliasStep): string {
  const shown = (target: (typeof targets)[number]) =>
    target.endpointName === undefined ? target.model : `${target.model}@${target.endpointName}`;
  if (kind === "first-listed") return `pool ${targets.map(shown).join(" ")}`;
  const shares = Map.groupBy(targets, ({ share }) => share);
  return [...shares].map(([{ weight }, group]) => `${weight}*${group.map(shown).join("|")}`).join(" + ");
}

describe("what a list means", () => {
  test("plain names are one pool", () => {
    expect(stepsOf({ a: ["x", "y"] }, "a")).toEqual(["pool x y"]);
  });

  test("one mapping among them makes a chain of it", () => {
    expect(stepsOf({ a: ["x", long("y"), "z"] }, "a")).toEqual(["1*x", "1*y", "1*z"]);
  });

  test("neighbours with weights share the traffic, and only neighbours", () => {
    const items = [long("x", { weight: 3 }), long("y", { weight: 1 }), "z", long("v", { weight: 5 })];
    expect(stepsOf({ a: items }, "a")).toEqual(["3*x + 1*y", "1*z", "1*v"]);
  });
});

describe("aliases among the items", () => {
  test("the steps of an alias stand in its place", () => {
    const aliases = { chain: [long("x"), "y"], pool: ["p", "q"], a: [long("Chain"), "z", "POOL"] };
    // Only plain texts would be one pool.
    expect(stepsOf(aliases, "a")).toEqual(["1*x", "1*y", "1*z", "pool p q"]);
  });

  test("one name alone is another name for all that it stands for", () => {
    expect(stepsOf({ chain: [long("x"), "y"], a: ["chain"] }, "a")).toEqual(["1*x", "1*y"]);
  });

  test("a pool within a pool is one pool, in the order of the items", () => {
    expect(stepsOf({ pool: ["p", "q"], a: ["x", "pool", "y"] }, "a")).toEqual(["pool x p q y"]);
  });

  test("the models of a pool have its share together", () => {
    const aliases = { pool: ["p", "q"], a: [long("pool", { weight: 9 }), long("x", { weight: 1 })] };
    expect(stepsOf(aliases, "a")).toEqual(["9*p|q + 1*x"]);
  });

  test("shares within a share divide it as they divided the traffic", () => {
    const inner = [long("p", { weight: 3 }), long("q", { weight: 1 })];
    const aliases = { inner, a: [long("inner", { weight: 2 }), long("x", { weight: 1 })] };
    expect(stepsOf(aliases, "a")).toEqual(["1.5*p + 0.5*q + 1*x"]);
  });

  test("its own name means the model, there and wherever the alias is named", () => {
    const aliases = { Tiny: ["tiny", "other"], a: [long("TINY"), "x"] };
    expect(stepsOf(aliases, "tiny")).toEqual(["pool tiny other"]);
    expect(stepsOf(aliases, "a")).toEqual(["pool tiny other", "1*x"]);
  });

  test("the outer endpoint and the outer params win, and inner params that nobody sets again stay", () => {
    const inner = [long("x", { endpoint: "desk", params: { n: 1, keep: true } }), "y"];
    const table = createAliasTable({ inner, a: [long("inner", { endpoint: "rack", params: { n: 2 } })] });
    const targets = table.find("a")?.steps.flatMap((step) => step.targets);
    expect(targets?.map(({ endpointName, params }) => [endpointName, params])).toEqual([
      ["rack", { n: 2, keep: true }],
      ["rack", { n: 2 }],
    ]);
  });
});

describe("looking up", () => {
  test("any case finds an alias, and nothing else does", () => {
    const table = createAliasTable({ "Org/Fast": ["x"] });
    expect(table.find("ORG/fast")?.name).toBe("Org/Fast");
    expect(table.find("fast")).toBeUndefined();
    expect(table.find("x")).toBeUndefined();
    expect(createAliasTable({}).find("constructor")).toBeUndefined();
    expect(table.find("__proto__")).toBeUndefined();
  });

  test("all of them, in the order of the configuration", () => {
    expect(createAliasTable({ zed: ["x"], abe: ["y"] }).all.map(({ name }) => name)).toEqual(["zed", "abe"]);
  });
});
