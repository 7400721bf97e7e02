import type { Handler } from "hono";
import type { Endpoint } from "../../endpoints/endpoint.ts";
import { isRoutable } from "../../endpoints/endpoint-status.ts";
import { OllaError } from "../../errors.ts";
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
      return async () =>
        jsonResponse({ models: await ollama.loadedModels(answering(scope, "ollama-ps", deps)) });
    case "ollama-version":
      return async () =>
        jsonResponse({ version: await ollama.version(answering(scope, "ollama-version", deps)) });
  }
}

/** Ollama's command line and every setup guide look for these very words. */
const runningText = new TextEncoder().encode("Ollama is running");

function running(scope: Scope, { endpoints }: ServerDependencies): Response {
  const inScope = endpoints.snapshot().filter(({ endpoint }) => scope.reaches(endpoint.profile));
  if (!inScope.some(({ health }) => isRoutable(health.status))) {
    const kind = scope.profile === "all" ? "" : ` of kind ${scope.profile.name}`;
    throw new OllaError("no_healthy_endpoints", `no healthy endpoints available${kind}`);
  }
  return new Response(runningText, {
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": String(runningText.byteLength),
    },
  });
}

/** The endpoints within reach that may be asked now, and whose kind knows the question. */
function answering(scope: Scope, answer: FleetAnswer, { endpoints }: ServerDependencies): Endpoint[] {
  return endpoints
    .snapshot()
    .filter(({ endpoint, health }) => isRoutable(health.status) && scope.reaches(endpoint.profile))
    .map(({ endpoint }) => endpoint)
    .filter(({ profile }) => profile.fleetAnswers.some((known) => known.answer === answer));
}
