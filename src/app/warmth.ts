import type { ActiveConnections, Balancer } from "../balancer/balancer.ts";
import {
  createWarmFirstBalancer,
  createWorthWaiting,
  modelAskedFor,
  type WorthWaiting,
} from "../balancer/warm-first.ts";
import type { EndpointRegistry } from "../endpoints/endpoint-registry.ts";
import { LoadedModels } from "../models/loaded/loaded-models.ts";
import { LoadedPoller } from "../models/loaded/loaded-poller.ts";
import type { ForwardContext } from "../pipeline/forwarding.ts";
import type { AppSurroundings } from "./options.ts";

/** What the endpoints have in memory, and the loop that keeps it true. */
export interface WarmthParts {
  readonly loaded: LoadedModels;
  readonly poller: LoadedPoller;
}

/** Asks no endpoint before its poller is started. */
export function createWarmth(
  { clock, logger, build }: AppSurroundings,
  registry: EndpointRegistry,
): WarmthParts {
  const loaded = new LoadedModels({ clock, onNews: (endpointName) => poller.noteNews(endpointName) });
  const poller = new LoadedPoller({ registry, loaded, clock, logger, version: build.version });
  return { loaded, poller };
}

export function preferWarm(
  balancer: Balancer,
  warmth: WarmthParts | undefined,
  connections: ActiveConnections,
): Balancer {
  return warmth === undefined ? balancer : createWarmFirstBalancer(balancer, warmth.loaded, connections);
}

/** Undefined where nobody knows what is loaded: then every place is worth the same. */
export function preferWaitingForWarm(
  balancer: Balancer,
  warmth: WarmthParts | undefined,
  connections: ActiveConnections,
): WorthWaiting | undefined {
  return warmth && createWorthWaiting(balancer, warmth.loaded, connections);
}

type Send = ForwardContext["send"];

/** What is sent to an endpoint tells what it loads; sticky sessions send past the balancer. */
export function noteSends(send: Send, warmth: WarmthParts | undefined): Send {
  if (warmth === undefined) return send;
  const { loaded } = warmth;
  return (candidate, request, client) => {
    const model = modelAskedFor(candidate);
    const note = model === undefined ? undefined : loaded.noteSent(candidate.endpoint, model);
    const sent = send(candidate, request, client);
    if (note !== undefined) {
      sent.then(
        ({ response }) => note.settle(response.ok),
        () => note.settle(false),
      );
    }
    return sent;
  };
}
