import type { Handler, Hono, MiddlewareHandler } from "hono";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { jsonResponse } from "../json-response.ts";
import { readOnly } from "../middleware/read-only.ts";
import { MethodNotAllowed } from "../refusal-headers.ts";
import { helloPath, type Scope } from "../scope.ts";
import { anthropicModel, anthropicModelList } from "./anthropic-models.ts";

/** What Olla answers itself below `/olla/anthropic`. Requests to its `sentOn` paths by POST never get here. */
export function addAnthropicRoutes(app: Hono<DirectEnv>, scope: Scope, deps: ServerDependencies): void {
  const base = `/olla/${scope.prefix}`;
  app.all(`${base}/v1/models`, readOnly, anthropicModelList(scope, deps));
  app.all(`${base}/v1/models/*`, readOnly, anthropicModel(scope, deps));
  // Claude Code opens its connection with one of these; a person looks whether somebody is there.
  for (const path of ["", "/", helloPath]) app.all(`${base}${path}`, readOnly, hello);
  for (const path of scope.sentOn ?? []) app.all(`${base}${path}`, postOnly);
}

const hello: Handler<DirectEnv> = (c) =>
  jsonResponse({ message: "hello" }, { "request-id": c.env.requestId });

const postMethods = "POST, OPTIONS";

const postOnly: MiddlewareHandler<DirectEnv> = async (c) => {
  if (c.env.request.method === "OPTIONS")
    return new Response(null, { status: 204, headers: { Allow: postMethods } });
  throw new MethodNotAllowed(`${c.env.path} takes POST requests only`, postMethods);
};
