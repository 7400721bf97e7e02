import type { Endpoint } from "../../src/endpoints/endpoint.ts";
import type { EndpointStatus } from "../../src/endpoints/endpoint-status.ts";
import { resolveEndpointUrl } from "../../src/endpoints/endpoint-url.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import type { LogFields, Logger, LogLevel } from "../../src/lib/log.ts";
import { ModelCatalog } from "../../src/models/catalog.ts";
import {
  type DiscoveryRegistry,
  type DiscoverySettings,
  ModelDiscovery,
  type ModelDiscoveryOptions,
} from "../../src/models/discovery.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import type { Profile } from "../../src/profiles/profile.ts";
import { ProfileSet } from "../../src/profiles/profile-set.ts";

export const profiles = new ProfileSet(builtinProfiles());

export function profileNamed(name: string): Profile {
  const profile = profiles.byName(name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return profile;
}

export interface ListServer {
  readonly url: string;
  readonly port: number;
  /** Paths asked for, in order. */
  readonly asked: string[];
  /** Copies: a request's own headers are gone once it is answered. */
  readonly headers: Headers[];
  answer: (path: string, request: Request) => Response | Promise<Response>;
  stop(): Promise<void>;
}

/** A server whose answers a test scripts and may change. */
export function serveLists(answer: ListServer["answer"], port = 0): ListServer {
  const asked: string[] = [];
  const headers: Headers[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      headers.push(new Headers(request.headers));
      return listServer.answer(pathname, request);
    },
  });
  const listServer: ListServer = {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port ?? 0,
    asked,
    headers,
    answer,
    stop: () => server.stop(true),
  };
  return listServer;
}

export function ollamaList(...names: readonly string[]): Response {
  return Response.json({ models: names.map((name) => ({ name })) });
}

export function openaiList(...names: readonly string[]): Response {
  return Response.json({ object: "list", data: names.map((id) => ({ id, object: "model" })) });
}

export function notFound(): Response {
  return new Response("404 page not found", { status: 404 });
}

export function webPage(): Response {
  return new Response("<!doctype html><title>Hello</title>", { headers: { "content-type": "text/html" } });
}

export function endpointAt(name: string, url: string, changes: Partial<Endpoint> = {}): Endpoint {
  const profile = changes.profile ?? profileNamed("ollama");
  return {
    name,
    id: name,
    url,
    origin: new URL(url).origin,
    basePath: new URL(url).pathname.replace(/\/$/, ""),
    preservePath: false,
    profile,
    isAutoDetected: false,
    priority: 100,
    weight: 1,
    healthUrl: url,
    modelsUrl: resolveEndpointUrl(url, profile.modelDiscoveryPath),
    hasOwnModelsUrl: false,
    checkIntervalMs: 1000,
    checkTimeoutMs: 1000,
    requestHeaders: [],
    secretHeaderNames: new Set(),
    admitsModel: () => true,
    timeouts: { connectMs: 1000, responseHeaderMs: 1000, readMs: 1000 },
    ...changes,
  };
}

/** A registry whose statuses the test sets. */
export class ScriptedRegistry implements DiscoveryRegistry {
  readonly #listeners = new Set<() => void>();
  #states: { readonly endpoint: Endpoint; readonly health: { readonly status: EndpointStatus } }[] = [];

  constructor(endpoints: readonly Endpoint[], status: EndpointStatus = "healthy") {
    this.#states = endpoints.map((endpoint) => ({ endpoint, health: { status } }));
  }

  snapshot() {
    return this.#states;
  }

  onStatusChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  replaceEndpoint(endpoint: Endpoint): void {
    this.#states = this.#states.map((state) =>
      state.endpoint.name === endpoint.name ? { ...state, endpoint } : state,
    );
  }

  setStatus(name: string, status: EndpointStatus): void {
    this.#states = this.#states.map((state) =>
      state.endpoint.name === name ? { ...state, health: { status } } : state,
    );
    for (const listener of this.#listeners) listener();
  }

  remove(name: string): void {
    this.#states = this.#states.filter((state) => state.endpoint.name !== name);
    for (const listener of this.#listeners) listener();
  }

  endpoint(name: string): Endpoint | undefined {
    return this.#states.find((state) => state.endpoint.name === name)?.endpoint;
  }

  listenerCount(): number {
    return this.#listeners.size;
  }
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export function createLogRecorder(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, fields });
  };
  return {
    lines,
    logger: {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      isEnabled: () => true,
    },
  };
}

const settings: DiscoverySettings = {
  enabled: true,
  intervalMs: 300_000,
  timeoutMs: 30_000,
  workers: 5,
  retryAttempts: 1,
  retryBackoffMs: 1000,
  removalGraceMs: 0,
};

export function buildDiscovery(
  registry: DiscoveryRegistry,
  changes: Partial<DiscoverySettings> = {},
  clock: Clock = systemClock,
  withProfile: ModelDiscoveryOptions["withProfile"] = (endpoint, profile) =>
    endpointAt(endpoint.name, endpoint.url, {
      ...endpoint,
      profile,
      isAutoDetected: false,
      modelsUrl: endpoint.hasOwnModelsUrl
        ? endpoint.modelsUrl
        : resolveEndpointUrl(endpoint.url, profile.modelDiscoveryPath),
    }),
) {
  const catalog = new ModelCatalog({ clock, staleAfterMs: 86_400_000, cleanupIntervalMs: 600_000 });
  const { logger, lines } = createLogRecorder();
  const discovery = new ModelDiscovery({
    registry,
    catalog,
    profiles,
    withProfile,
    settings: { ...settings, ...changes },
    clock,
    logger,
    version: "1.2.3",
  });
  return { discovery, catalog, lines };
}
