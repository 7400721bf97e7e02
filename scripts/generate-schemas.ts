// Writes docs/schema/*.json, for editors and for `olla schema`, out of the schemas that read the files.
import { renderConfigSchema } from "./schemas/config-schema.ts";
import type { JsonSchema } from "./schemas/json-schema.ts";
import { renderModelsSchema } from "./schemas/models-schema.ts";
import { renderProfileSchema } from "./schemas/profile-schema.ts";

const docs = new URL("../docs/", import.meta.url);

/** Text by the path of its file below docs/. A test compares it with the files in the repository. */
export async function renderSchemas(): Promise<Readonly<Record<string, string>>> {
  const page = (name: string) => Bun.file(new URL(name, docs)).text();
  return {
    "schema/config.schema.json": print(renderConfigSchema()),
    "schema/profile.schema.json": print(renderProfileSchema(await page("profiles.md"))),
    "schema/models.schema.json": print(renderModelsSchema(await page("model-names.md"))),
  };
}

function print(schema: JsonSchema): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(await renderSchemas())) {
    const target = new URL(path, docs);
    await Bun.write(target, text);
    console.log(`wrote ${target.pathname}`);
  }
}
