import { listFormats } from "../../src/profiles/profile.ts";
import { openaiFormats, profileSchema } from "../../src/profiles/schema.ts";
import { foreignKeys, type KeyTree } from "../../src/profiles/unknown-keys.ts";
import {
  draft,
  durationSchema,
  fromValibot,
  inAnyCase,
  type JsonSchema,
  orNothing,
  plainText,
} from "./json-schema.ts";

/**
 * Of a profile's file, out of the schema that reads it and the table that explains it.
 * @param page the text of docs/profiles.md
 * @throws for a key that the page does not explain
 */
export function renderProfileSchema(page: string): JsonSchema {
  const closed = close(withOwnForms(fromValibot(profileSchema, { typeMode: "input" })), foreignKeys);
  return { $schema: draft, title: "Profile of Olla", ...explain(closed, readKeyTable(page)) };
}

/** What functions read, which no converter can look into. */
function withOwnForms(schema: JsonSchema): JsonSchema {
  const formats: JsonSchema = {
    anyOf: [
      { type: "string", enum: [...listFormats, ...openaiFormats] },
      { type: "string", pattern: inAnyCase(listFormats.map(withHyphens)) },
    ],
  };
  return changeProperties(schema, (timeoutsOrRequest, section) => {
    if (section === "timeouts") return changeProperties(timeoutsOrRequest, () => durationSchema);
    if (section !== "request") return timeoutsOrRequest;
    return changeProperties(timeoutsOrRequest, (before) => ({ ...formats, default: before.default }));
  });
}

/** Hyphens anywhere in a format's name do not count. */
function withHyphens(format: string): string {
  return format.includes("-") ? format : [...format].join("-?");
}

function changeProperties(
  schema: JsonSchema,
  change: (property: JsonSchema, name: string) => JsonSchema,
): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    return [name, change(property, name)] as const;
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

/** Nobody may write other keys than these, but for those that only the reference reads. */
function close(schema: JsonSchema, foreign: KeyTree | true): JsonSchema {
  const { items, properties, required = [] } = schema;
  if (items !== undefined) return { ...schema, items: close(items, {}) };
  if (properties === undefined) return schema;
  const strangers = foreign === true ? {} : foreign;
  const own = changeProperties(schema, (property, name) => {
    const closed = close(property, strangers[name] ?? {});
    return required.includes(name) ? closed : orNothing(closed);
  });
  const others = Object.entries(strangers).filter(([name]) => !(name in properties));
  return {
    ...own,
    properties: {
      ...own.properties,
      ...Object.fromEntries(others.map(([name, below]) => [name, foreignSchema(below)])),
    },
    additionalProperties: foreign === true,
  };
}

function foreignSchema(below: KeyTree | true): JsonSchema {
  const note = "Not read; accepted, so that files written for the original Olla load.";
  if (below === true) return { description: note, deprecated: true, deprecationMessage: note };
  return orNothing(close({ type: "object", properties: {} }, below));
}

/** What the page says of each key, by its dotted path. */
function readKeyTable(page: string): ReadonlyMap<string, string> {
  const table = page.slice(page.indexOf("## Every key"));
  const rows = [...table.matchAll(/^\| `([\w.]+)` \|.*\| (.*) \|$/gm)];
  return new Map(rows.map(([, path = "", text = ""]) => [path, plainText(text)]));
}

function explain(schema: JsonSchema, texts: ReadonlyMap<string, string>, path = ""): JsonSchema {
  if (schema.properties !== undefined) {
    return changeProperties(schema, (property, name) => {
      return explain(property, texts, path === "" ? name : `${path}.${name}`);
    });
  }
  if (schema.deprecated) return schema;
  const description = texts.get(path);
  if (description === undefined) throw new Error(`docs/profiles.md does not explain \`${path}\``);
  return { description, ...schema };
}
