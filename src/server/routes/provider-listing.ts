import type { Handler } from "hono";
import { OllaError } from "../../errors.ts";
import { renderListing } from "../../models/listings/render-listing.ts";
import {
  backendTypesOf,
  openaiBackendTypes,
  selectProviderModels,
} from "../../models/listings/select-models.ts";
import type { ListFormat, UnsupportedPath } from "../../profiles/profile.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { jsonResponse } from "../json-response.ts";
import type { Scope } from "../scope.ts";
import { viewOf } from "./models.ts";

/** A model list in the form that a backend itself would give, over all routable endpoints of the scope. */
export function providerListing(
  scope: Scope,
  format: ListFormat,
  { catalog, endpoints, profiles, settings }: ServerDependencies,
): Handler<DirectEnv> {
  const backendTypes =
    scope.profile === "all" ? openaiBackendTypes(profiles.all) : backendTypesOf(scope.profile, profiles.all);
  const context = { processStartedAt: settings.startedAt };
  return () => {
    const models = selectProviderModels(catalog.unified(), backendTypes, viewOf(endpoints));
    return jsonResponse(renderListing(format, models, context));
  };
}

/** For what makes no sense in front of several endpoints. */
export function unsupportedPath({ reason }: UnsupportedPath): Handler<DirectEnv> {
  return () => {
    throw new OllaError("not_supported", reason);
  };
}
