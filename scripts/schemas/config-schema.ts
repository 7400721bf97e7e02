import { type KeyMetadata, type SchemaNode, shapeOf } from "../../src/config/key.ts";
import { listKeys } from "../../src/config/key-list.ts";
import { configSchema } from "../../src/config/schema.ts";
import { draft, durationSchema, inAnyCase, type JsonSchema, orNothing, plainText } from "./json-schema.ts";

/**
 * Of a configuration file, out of the schema that reads it. What only several keys together get wrong is left to
 * `olla validate`.
 */
export function renderConfigSchema(): JsonSchema {
  const variables = new Map(listKeys(configSchema).map((key) => [key.path, key.variables]));
  return { $schema: draft, title: "Configuration of Olla", ...convert(configSchema, "", variables) };
}

/** By the path of the key, as `ListedKey` has it. */
type Variables = ReadonlyMap<string, readonly string[]>;

function convert(node: SchemaNode, path: string, variables: Variables): JsonSchema {
  const shape = shapeOf(node);
  if (shape.kind === "list") {
    return { type: ["array", "null"], items: convert(shape.item, `${path}[]`, variables) };
  }
  if (shape.kind === "key") return convertKey(shape.metadata, variables.get(path) ?? []);
  const entries = Object.entries(shape.entries);
  const required = entries.filter(([, entry]) => isRequired(entry)).map(([name]) => name);
  const below = (name: string) => (path === "" ? name : `${path}.${name}`);
  return {
    ...(shape.doc !== "" && { description: plainText(shape.doc) }),
    type: required.length > 0 ? "object" : ["object", "null"],
    properties: Object.fromEntries(
      entries.map(([name, entry]) => [name, convert(entry, below(name), variables)]),
    ),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function isRequired(entry: SchemaNode): boolean {
  const shape = shapeOf(entry);
  return shape.kind === "key" && shape.metadata.isRequired === true;
}

function convertKey(metadata: KeyMetadata, variables: readonly string[]): JsonSchema {
  const { initial, status, reason, isRequired: mustBeThere } = metadata;
  const value: JsonSchema = metadata.valueSchema ?? valueSchema(metadata);
  const hasDefault = initial !== undefined && mustBeThere !== true;
  return {
    description: describe(metadata, variables),
    ...(mustBeThere === true ? value : orNothing(value)),
    ...(hasDefault && { default: initial }),
    ...(status === "inert" && { deprecated: true, deprecationMessage: `Has no effect: ${reason}.` }),
  };
}

function describe({ doc, takesRestart, type, unit }: KeyMetadata, variables: readonly string[]): string {
  const hint = unit === "" || type === "duration" || type === "any" ? "" : ` (${type}: ${unit})`;
  const named = variables.length === 0 ? "" : ` Variable: ${variables.join(", ")}.`;
  const restart = takesRestart === true ? " Takes a restart." : "";
  return `${plainText(doc)}${hint}${restart}${named}`;
}

function valueSchema(metadata: KeyMetadata): JsonSchema {
  switch (metadata.type) {
    case "duration":
      return durationSchema;
    case "size":
      return {
        anyOf: [
          { type: "integer", minimum: 0, ...range(metadata) },
          {
            type: "string",
            pattern: "^\\s*(?:\\d+\\.?\\d*|\\.\\d+) ?(?:[kmgtpKMGTP](?:[iI]?[bB])?|[bB])?\\s*$",
          },
        ],
      };
    case "integer":
    case "number":
      return { type: metadata.type, ...range(metadata) };
    case "boolean":
      // YAML 1.1 had these words for it, and the configurations of Go programs still do.
      return {
        anyOf: [
          { type: "boolean" },
          { type: "string", pattern: inAnyCase(["yes", "y", "on", "no", "n", "off"]) },
        ],
      };
    case "string":
      return textSchema(metadata);
    case "list":
      return { type: "array", items: itemSchema(metadata) };
    case "mapping":
      return { type: "object", additionalProperties: { type: plainTypes } };
    case "any":
      return {};
  }
}

/** A number or a truth value without quotes counts as the text that stands there. */
const plainTypes = ["string", "number", "boolean"];

function textSchema({ choices, spellings, allowEmpty }: KeyMetadata): JsonSchema {
  if (choices === undefined) {
    return { type: plainTypes, ...(allowEmpty !== true && { pattern: "\\S" }) };
  }
  const numbers = choices.filter((choice) => choice !== "" && !Number.isNaN(Number(choice))).map(Number);
  const words: JsonSchema = {
    type: numbers.length > 0 ? ["string", "number"] : "string",
    enum: [...choices, ...numbers],
  };
  if (spellings === undefined) return words;
  return { anyOf: [words, { type: "string", pattern: inAnyCase([...choices, ...spellings]) }] };
}

function itemSchema(metadata: KeyMetadata): JsonSchema {
  if (metadata.choices !== undefined) return { type: "string", enum: metadata.choices };
  const isNumber = metadata.min !== undefined || metadata.max !== undefined;
  return isNumber ? { type: "integer", ...range(metadata) } : { type: "string", pattern: "\\S" };
}

function range({ min, max, isMinExcluded }: KeyMetadata): JsonSchema {
  return {
    ...(min !== undefined && (isMinExcluded === true ? { exclusiveMinimum: min } : { minimum: min })),
    ...(max !== undefined && { maximum: max }),
  };
}
