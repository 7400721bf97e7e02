import { namingSections } from "../../src/config/naming-sections.ts";
import { draft, fromValibot, type JsonSchema, orNothing, plainText } from "./json-schema.ts";

/**
 * Of a `models.yaml`, out of the schemas that read its sections and the table that explains them.
 * @param page the text of docs/model-names.md
 * @throws for a section that the page does not explain
 */
export function renderModelsSchema(page: string): JsonSchema {
  const outer = Map.groupBy(Object.values(namingSections), ({ path }) => path[0]);
  const properties = [...outer].map(([name, sections]): [string, JsonSchema] => {
    const inner = sections.map(({ path, schema }): [string, JsonSchema] => {
      const description = explain(path.join("."), page);
      return [path[1], orNothing({ description, ...fromValibot(schema) })];
    });
    const section = { type: "object", properties: Object.fromEntries(inner), additionalProperties: false };
    return [name, orNothing(section)];
  });
  return {
    $schema: draft,
    title: "What model names give away, for Olla",
    type: "object",
    properties: { version: { description: "Not read." }, ...Object.fromEntries(properties) },
    additionalProperties: false,
  };
}

function explain(path: string, page: string): string {
  const row = page.split("\n").find((line) => line.startsWith(`| \`${path}\` |`));
  if (row === undefined) throw new Error(`docs/model-names.md does not explain \`${path}\``);
  return plainText(row.split(" | ").slice(1).join(" | ").replace(/ \|$/, ""));
}
