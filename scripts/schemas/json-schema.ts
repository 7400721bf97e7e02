import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";

/** A JSON Schema, or a part of one, in the words that are used here. Draft 7: what the YAML extensions of editors know. */
export interface JsonSchema {
  readonly $schema?: string | undefined;
  readonly title?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | JsonSchema | undefined;
  readonly items?: JsonSchema | undefined;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly deprecated?: true | undefined;
  /** What editors show of a deprecated key. No word of JSON Schema, but of VS Code and what came after it. */
  readonly deprecationMessage?: string | undefined;
}

/** What a schema's functions check, and what they make of a value, is left out. */
export function fromValibot(
  schema: GenericSchema,
  config: Pick<ConversionConfig, "typeMode"> = {},
): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, { ...config, errorMode: "ignore" });
  // The library's type has `true` and `false` for schemas, which it makes of nothing here.
  return converted as JsonSchema;
}

export const draft = "http://json-schema.org/draft-07/schema#";

/** What `parseDuration` reads, without a sign: no setting may be negative. A bare 0 is a number as well. */
export const durationSchema: JsonSchema = {
  anyOf: [
    { type: "string", pattern: "^\\s*(?:0|(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:ns|us|µs|μs|ms|s|m|h))+)\\s*$" },
    { type: "number", const: 0 },
  ],
};

/** The pattern of words in any mixture of capitals. JSON Schema has no flag for that. */
export function inAnyCase(words: readonly string[]): string {
  const alternatives = words.map((word) =>
    word.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`),
  );
  return `^(?:${alternatives.join("|")})$`;
}

/** Leaves the text of links, whose targets are files beside the page that the text was written for. */
export function plainText(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1");
}

/** A key with nothing behind it counts as one that is not there. */
export function orNothing(schema: JsonSchema): JsonSchema {
  const { type, enum: words, anyOf } = schema;
  if (anyOf !== undefined) return { ...schema, anyOf: [...anyOf, { type: "null" }] };
  if (type === undefined) return schema;
  const types = typeof type === "string" ? [type] : type;
  if (types.includes("null")) return schema;
  return { ...schema, type: [...types, "null"], ...(words && { enum: [...words, null] }) };
}
