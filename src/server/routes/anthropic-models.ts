import type { Handler } from "hono";
import { createdSeconds, listNames } from "../../models/listings/listed-model.ts";
import { backendTypesOf, selectProviderModels } from "../../models/listings/select-models.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import {
  type AnthropicModel,
  renderAnthropicModel,
  renderAnthropicModelList,
} from "../../translate/anthropic/model-list.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { ServerDependencies } from "../dependencies.ts";
import { anthropicVersionHeader } from "../dialect-of.ts";
import type { DirectEnv } from "../direct-env.ts";
import { modelsVisibleTo } from "../guard/visible-models.ts";
import { jsonResponse } from "../json-response.ts";
import type { Scope } from "../scope.ts";
import { unknownModel, viewOf } from "./models.ts";

/** Every name that a route's endpoints can be asked for, in Anthropic's shape. */
export function anthropicModelList(scope: Scope, deps: ServerDependencies): Handler<DirectEnv> {
  const namesNow = createNameReader(scope, deps);
  return async (c) => {
    const { readModelPage } = await import("./anthropic-model-page.ts");
    const page = readModelPage(new URLSearchParams(c.env.query));
    return jsonResponse(renderAnthropicModelList(namesNow(c.env.clientKey), page), {
      "request-id": c.env.requestId,
    });
  };
}

/** One of them, under `/v1/models/<id>`, slashes and colons in the id included. */
export function anthropicModel(scope: Scope, deps: ServerDependencies): Handler<DirectEnv> {
  const namesNow = createNameReader(scope, deps);
  return (c) => {
    const { path, requestId } = c.env;
    const wanted = decodeSegment(path.slice(path.indexOf(listStart) + listStart.length));
    const models = namesNow(c.env.clientKey);
    const found =
      models.find(({ id }) => id === wanted) ??
      models.find(({ id }) => id.toLowerCase() === wanted.toLowerCase());
    if (found !== undefined) return jsonResponse(renderAnthropicModel(found), { "request-id": requestId });
    throw unknownModel(
      wanted,
      models.map(({ id }) => id),
    );
  };
}

/** Clients of both APIs ask at the same path; those of Anthropic's say which version of it they speak. */
export function byAnthropicVersion(
  anthropic: Handler<DirectEnv>,
  otherwise: Handler<DirectEnv>,
): Handler<DirectEnv> {
  return (c, next) =>
    c.env.request.headers.has(anthropicVersionHeader) ? anthropic(c, next) : otherwise(c, next);
}

const listStart = "/v1/models/";

function createNameReader(
  { profile }: Scope,
  { listedModels, endpoints, profiles, settings }: ServerDependencies,
): (key: ClientKey | undefined) => readonly AnthropicModel[] {
  const all = [...profiles.all];
  const backendTypes =
    profile === "all" ? new Set(all.map(({ name }) => name)) : backendTypesOf(profile, all);
  const context = { processStartedAt: settings.startedAt };
  return (key) =>
    listNames(
      selectProviderModels(modelsVisibleTo(key, listedModels), backendTypes, viewOf(endpoints)),
      "",
    ).map(({ id, source }) => ({ id, createdAt: createdSeconds(source, context) * 1000 }));
}
