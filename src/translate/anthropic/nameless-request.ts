import { OllaError } from "../../errors.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { describeGot } from "../invalid-request.ts";
import { textOf } from "../wire.ts";

/** Why no model could be found in a Messages request. @param body undefined when there is none */
export function explainMissingModel(body: Uint8Array | undefined): OllaError {
  return new OllaError("invalid_request", reasonFor(body), { field: "model" });
}

function reasonFor(body: Uint8Array | undefined): string {
  if (body === undefined || body.byteLength === 0) return "empty request body";
  const parsed = parseJson(textOf(body));
  const model = isObject(parsed) ? parsed.model : undefined;
  if (model === undefined) return "model field is required (body may not be valid JSON)";
  if (typeof model !== "string") return `model field must be a string, got ${describeGot(model)}`;
  return model.trim() === ""
    ? "model field must not be empty"
    : "model field is too long, or is no valid text";
}
