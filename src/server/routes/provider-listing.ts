import type { Handler } from "hono";
import { OllaError } from "../../errors.ts";
import { renderListing } from "../../models/listings/render-listing.ts";
import {
  backendTypesOf,
  openaiBackendTypes,
  selectProviderModels,
} from "../../models/listings/select-models.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import type { ListFormat, ProfileListing, UnsupportedPath } from "../../profiles/profile.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { modelsVisibleTo } from "../guard/visible-models.ts";
import { jsonResponse } from "../json-response.ts";
import type { Scope } from "../scope.ts";
import { unknownModel, viewOf } from "./models.ts";

/** A model list in the form that a backend itself would give, over all routable endpoints of the scope. */
export function providerListing(
  scope: Scope,
  format: ListFormat,
  deps: ServerDependencies,
): Handler<DirectEnv> {
  const render = listingRenderer(scope, format, deps);
  return (c) => jsonResponse(render(c.env.clientKey));
}

/** One model of such a list, under `<list>/<id>`, slashes and colons in the id included. */
export function providerModel(
  scope: Scope,
  { path, format }: ProfileListing,
  deps: ServerDependencies,
): Handler<DirectEnv> {
  const render = listingRenderer(scope, format, deps);
  return (c) => {
    const start = c.env.path.indexOf(`${path}/`) + path.length + 1;
    const wanted = decodeSegment(c.env.path.slice(start));
    const entries = entriesOf(render(c.env.clientKey));
    const found =
      entries.find(({ id }) => id === wanted) ??
      entries.find(({ id }) => id.toLowerCase() === wanted.toLowerCase());
    if (found !== undefined) return jsonResponse(found);
    throw unknownModel(
      wanted,
      entries.map(({ id }) => id),
    );
  };
}

function listingRenderer(
  scope: Scope,
  format: ListFormat,
  deps: ServerDependencies,
): (key: ClientKey | undefined) => object {
  const { listedModels, endpoints, profiles, settings } = deps;
  const backendTypes =
    scope.profile === "all" ? openaiBackendTypes(profiles.all) : backendTypesOf(scope.profile, profiles.all);
  const context = { processStartedAt: settings.startedAt };
  return (key) => {
    const models = selectProviderModels(modelsVisibleTo(key, listedModels), backendTypes, viewOf(endpoints));
    return renderListing(format, models, context);
  };
}

interface ListEntry {
  readonly id: string;
}

/** Lists with a path for each model have their models in `data`, each with an `id`. */
function entriesOf(listing: object): readonly ListEntry[] {
  return "data" in listing && Array.isArray(listing.data) ? listing.data.filter(isListEntry) : [];
}

function isListEntry(entry: unknown): entry is ListEntry {
  return typeof entry === "object" && entry !== null && "id" in entry && typeof entry.id === "string";
}

/** For what makes no sense in front of several endpoints. */
export function unsupportedPath({ reason }: UnsupportedPath): Handler<DirectEnv> {
  return () => {
    throw new OllaError("not_supported", reason);
  };
}
