import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { createListedModels, hideNamesakes } from "./alias-models.ts";
import { createAliasTable } from "./alias-table.ts";
import { ModelCatalog } from "./catalog.ts";

function catalogOf(
  lists: Readonly<Record<string, readonly { name: string; digest?: string }[]>>,
): ModelCatalog {
  const catalog = new ModelCatalog({ clock: createFakeClock(), staleAfterMs: 1e9, cleanupIntervalMs: 1e9 });
  for (const [endpoint, models] of Object.entries(lists)) catalog.replaceModels(endpoint, "ollama", models);
  return catalog;
}

const idsOf = (models: readonly { readonly id: string }[]) => models.map(({ id }) => id);

describe("the models with the aliases", () => {
  test("are the catalog's own array where there are no aliases", () => {
    const catalog = catalogOf({ a: [{ name: "x" }] });
    expect(createListedModels(catalog, createAliasTable({}))()).toBe(catalog.unified());
  });

  test("stay the same array until a list changes", () => {
    const catalog = catalogOf({ a: [{ name: "x" }] });
    const listed = createListedModels(catalog, createAliasTable({ alias: ["X"] }));
    const first = listed();
    expect(idsOf(first)).toEqual(["alias", "x"]);
    expect(listed()).toBe(first);
    catalog.replaceModels("a", "ollama", []);
    expect(listed()).toEqual([]);
  });

  test("find a target as requests do: in any case, and without :latest", () => {
    const listed = createListedModels(
      catalogOf({ a: [{ name: "Tiny:latest" }] }),
      createAliasTable({ alias: ["tiny"] }),
    );
    expect(idsOf(listed())).toEqual(["Tiny:latest", "alias"]);
    expect(listed()[1]?.sources).toMatchObject([{ nativeName: "alias", model: { name: "Tiny:latest" } }]);
  });

  test("keep an alias to the endpoint that it names", () => {
    const catalog = catalogOf({ a: [{ name: "x" }], b: [{ name: "x" }] });
    const item = { model: "x", endpoint: "b", weight: undefined, params: {} };
    const listed = createListedModels(catalog, createAliasTable({ alias: [item] }))();
    expect(listed[0]?.sources.map(({ endpointName }) => endpointName)).toEqual(["b"]);
  });
});

describe("namesakes of aliases", () => {
  const hidden = (lists: Parameters<typeof catalogOf>[0], alias: string, target: string) =>
    hideNamesakes(createListedModels(catalogOf(lists), createAliasTable({ [alias]: [target] }))());

  test("go, in whatever case they are written", () => {
    const models = hidden({ a: [{ name: "Tiny" }, { name: "x" }] }, "tiny", "x");
    expect(models.map(({ id, aliasOf }) => [id, aliasOf !== undefined])).toEqual([
      ["tiny", true],
      ["x", false],
    ]);
  });

  test("leave the model its other names, and an id of its own", () => {
    const lists = { a: [{ name: "tiny", digest: "1" }, { name: "copy", digest: "1" }, { name: "x" }] };
    expect(idsOf(hidden(lists, "Tiny", "x"))).toEqual(["Tiny", "copy", "x"]);
  });

  test("do not take the id of another model for their own", () => {
    const lists = {
      a: [{ name: "copy", digest: "2" }, { name: "x" }],
      b: [
        { name: "tiny", digest: "1" },
        { name: "copy", digest: "1" },
      ],
    };
    expect(idsOf(hidden(lists, "Tiny", "x"))).toEqual(["Tiny", "copy", "tiny-b", "x"]);
  });

  test("stay where there is no alias", () => {
    const models = catalogOf({ a: [{ name: "tiny" }] }).unified();
    expect(hideNamesakes(models)).toBe(models);
  });
});
