import type { JsonObject } from "../../lib/json.ts";
import type { AnswerFormat } from "../chat-request.ts";
import { filledText } from "../wire.ts";

/** What OpenAI's two APIs say around a schema that the answer must follow, in the same members at different places. */
export function schemaFormat({ name, strict, description }: JsonObject, schema: JsonObject): AnswerFormat {
  return {
    kind: "schema",
    name: filledText(name) ?? "answer",
    schema,
    isStrict: typeof strict === "boolean" ? strict : undefined,
    description: filledText(description),
  };
}
