import { OllaError } from "../errors.ts";
import type { ClientKey } from "./client-key.ts";
import type { Inspection } from "./inspect.ts";
import type { Rejection } from "./route.ts";

const longestShownName = 200;

/**
 * What stands between a key and the model that is asked for; undefined when nothing does. A key that may use an alias may
 * use what it stands for. A key that is bound to models has to name one, once, where every server looks for it: else the
 * endpoint might read another name than we did.
 */
export function refuseModel(key: ClientKey, inspection: Inspection): OllaError | undefined {
  if (isUnbound(key)) return undefined;
  const { model } = inspection;
  if (model === undefined) {
    return new OllaError(
      "model_not_allowed",
      "This API key is for some models only, and the request names none",
    );
  }
  if (!key.admitsModel(model)) return modelNotAllowed(model);
  return isPlain(inspection)
    ? undefined
    : new OllaError(
        "model_not_allowed",
        "This API key is for some models only, and it is not clear which one the request asks for: name one model, once, at the top level",
      );
}

export function modelNotAllowed(model: string): OllaError {
  return new OllaError("model_not_allowed", `This API key may not use the model "${shorten(model)}"`, {
    field: "model",
  });
}

/** Whether the key may use every model there is or will be. */
export function isUnbound(key: ClientKey): boolean {
  return key.admitsModel("");
}

/** Names that are like the one asked for are suggested elsewhere; here they might be names that are not to be seen. */
export function withoutSuggestions(rejection: Rejection, model: string | undefined): Rejection {
  if (rejection.error.code !== "model_not_found") return rejection;
  const error = new OllaError("model_not_found", `model "${shorten(model ?? "")}" not found`, {
    field: "model",
  });
  return { ...rejection, error };
}

function isPlain({ scan, body }: Inspection): boolean {
  // The name stood in the address.
  if (body === undefined || scan === undefined) return true;
  if (scan.hasRivalModels || scan.hasModelList || scan.model?.isTopLevel !== true) return false;
  return !scan.isObject || scan.isComplete;
}

function shorten(name: string): string {
  return name.length > longestShownName ? `${name.slice(0, longestShownName)}…` : name;
}
