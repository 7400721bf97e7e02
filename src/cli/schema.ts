import config from "../../docs/schema/config.schema.json" with { type: "json" };
import models from "../../docs/schema/models.schema.json" with { type: "json" };
import profile from "../../docs/schema/profile.schema.json" with { type: "json" };
import { nearestNames } from "../lib/nearest.ts";
import { UsageError } from "./arguments.ts";
import { harmless } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

const schemas = { config, profile, models } as const;
type SchemaName = keyof typeof schemas;

export const schemaNames = Object.keys(schemas);

/** The JSON Schema of one kind of file, as it stands in docs/schema. */
export function schemaText(name: SchemaName): string {
  return `${JSON.stringify(schemas[name], undefined, 2)}\n`;
}

/** Prints a schema for an editor. @returns the exit code @throws UsageError for a name that there is not */
export function schema(name: string, terminal: Pick<Terminal, "out">): number {
  if (!isSchemaName(name)) {
    const nearest = nearestNames(name, schemaNames, 1)[0];
    const hint = nearest === undefined ? "" : ` (did you mean \`${nearest}\`?)`;
    throw new UsageError(`schema: expected one of ${schemaNames.join(", ")}, got "${harmless(name)}"${hint}`);
  }
  terminal.out(schemaText(name));
  return 0;
}

function isSchemaName(name: string): name is SchemaName {
  return Object.hasOwn(schemas, name);
}
