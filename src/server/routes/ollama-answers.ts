import type { Handler } from "hono";
import type { Endpoint } from "../../endpoints/endpoint.ts";
import { takesRequests } from "../../endpoints/endpoint-status.ts";
import { OllaError } from "../../errors.ts";
import type { LoadedModel } from "../../models/loaded/loaded-model.ts";
import { describeLoaded } from "../../models/ollama-ps.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import type { FleetAnswer } from "../../profiles/profile.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { jsonResponse } from "../json-response.ts";
import type { Scope } from "../scope.ts";

/** What Olla says for all endpoints of a scope together, in the words of Ollama's API. */
export function fleetAnswer(scope: Scope, answer: FleetAnswer, deps: ServerDependencies): Handler<DirectEnv> {
  const { ollama } = deps;
  switch (answer) {
    case "ollama-running":
      return () => running(scope, deps);
    case "ollama-ps":
      return async (c) => {
        const key = c.env.clientKey;
        const endpoints = usableEndpoints(scope, deps);
        const asked = endpoints.filter((endpoint) => knows(endpoint, "ollama-ps"));
        const others = endpoints.filter((endpoint) => !knows(endpoint, "ollama-ps"));
        const models = [
          ...(await ollama.loadedModels(asked)),
          ...others.flatMap((endpoint) => loadedElsewhere(endpoint, deps)),
        ];
        return jsonResponse({
          models: key === undefined ? models : models.filter((model) => isVisible(model, key)),
        });
      };
    case "ollama-version":
      return async () => {
        const asked = usableEndpoints(scope, deps).filter((endpoint) => knows(endpoint, "ollama-version"));
        return jsonResponse({ version: await ollama.version(asked) });
      };
  }
}

/** Ollama's command line and every setup guide look for these very words. */
const runningText = new TextEncoder().encode("Ollama is running");

/** @param model an entry of `/api/ps`, as an endpoint wrote it or as we did */
function isVisible(model: object, key: ClientKey): boolean {
  const name = "model" in model ? model.model : undefined;
  const shown = "name" in model ? model.name : undefined;
  return [name ?? shown, shown ?? name].every((text) =>
    key.admitsModel(typeof text === "string" ? text : ""),
  );
}

function running(scope: Scope, { endpoints }: ServerDependencies): Response {
  const inScope = endpoints.snapshot().filter(({ endpoint }) => scope.reaches(endpoint.profile));
  if (!inScope.some(takesRequests)) {
    const kind = scope.profile === "all" ? "" : `${scope.profile.displayName} `;
    throw inScope.length === 0
      ? new OllaError("provider_not_configured", `no ${kind}endpoint is configured`)
      : new OllaError("no_healthy_endpoints", `no healthy ${kind}endpoints available`);
  }
  return new Response(runningText, {
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": String(runningText.byteLength),
    },
  });
}

function usableEndpoints(scope: Scope, { endpoints }: ServerDependencies): readonly Endpoint[] {
  return endpoints
    .snapshot()
    .filter((view) => takesRequests(view) && scope.reaches(view.endpoint.profile))
    .map(({ endpoint }) => endpoint);
}

/** Whether endpoints of this kind can be asked the question themselves. */
function knows({ profile }: Endpoint, answer: FleetAnswer): boolean {
  return profile.fleetAnswers.some((known) => known.answer === answer);
}

/** As other kinds of endpoints have last said it; nobody waits for them here. */
function loadedElsewhere(
  { name, profile, admitsModel }: Endpoint,
  { catalog, loaded }: ServerDependencies,
): object[] {
  const listed = catalog.modelsAt(name);
  const models: readonly LoadedModel[] =
    profile.loadedModels === "always"
      ? listed.map((model) => ({ name: model.name }))
      : (loaded?.modelsAt(name) ?? []);
  return models
    .filter((model) => admitsModel(model.name))
    .map((model) =>
      describeLoaded(
        model,
        listed.find((known) => known.name === model.name),
        name,
      ),
    );
}
