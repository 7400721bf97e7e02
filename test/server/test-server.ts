import type { ModelAliases } from "../../src/config/schema-aliases.ts";
import type { Endpoint } from "../../src/endpoints/endpoint.ts";
import { type EndpointHealth, initialHealth } from "../../src/endpoints/endpoint-health.ts";
import type { LogFields, Logger } from "../../src/lib/log.ts";
import { createListedModels } from "../../src/models/alias-models.ts";
import { createAliasTable } from "../../src/models/alias-table.ts";
import { ModelCatalog } from "../../src/models/catalog.ts";
import { createOllamaFleet } from "../../src/models/ollama-fleet.ts";
import type { Outcome } from "../../src/observe/outcome.ts";
import { createRecorder } from "../../src/observe/recorder.ts";
import type { RequestHistory } from "../../src/observe/request-history.ts";
import { Stats } from "../../src/observe/stats.ts";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { ProfileSet } from "../../src/profiles/profile-set.ts";
import type { ConnectionControl } from "../../src/server/connection.ts";
import type { RequestPipeline, ServerDependencies, ServerSettings } from "../../src/server/dependencies.ts";
import { createRouter, type Router } from "../../src/server/router.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** The HTTP surface over real statistics and a real catalog, with an invented fleet and a pipeline that echoes. */
export interface TestServer {
  readonly router: Router;
  readonly clock: FakeClock;
  readonly stats: Stats;
  readonly catalog: ModelCatalog;
  readonly profiles: ProfileSet;
  readonly outcomes: Outcome[];
  readonly log: LogLine[];
  /** What reached the pipeline. */
  readonly exchanges: Exchange[];
  /** Seconds given to `timeout`, in order. */
  readonly timeouts: number[];
  addEndpoint(changes: Partial<Endpoint> & { name: string }, health?: Partial<EndpointHealth>): Endpoint;
  setHealth(name: string, health: Partial<EndpointHealth>): void;
  setConnections(name: string, count: number): void;
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The same at the admin port. */
  requestAdmin(path: string, init?: RequestInit): Promise<Response>;
}

interface TestServerOptions {
  readonly settings?: Partial<ServerSettings>;
  readonly handle?: RequestPipeline["handle"];
  readonly peer?: string;
  readonly aliases?: ModelAliases;
  readonly guards?: Pick<ServerDependencies, "guard" | "admin">;
  readonly history?: RequestHistory;
  /** What the status shows of breakers, queues and cooldowns; nothing when not given. */
  readonly traffic?: (clock: FakeClock) => Pick<ServerDependencies, "breakers" | "queues" | "cooldowns">;
}

export function createTestServer(options: TestServerOptions = {}): TestServer {
  const clock = createFakeClock();
  const stats = new Stats(clock);
  const catalog = new ModelCatalog({ clock, staleAfterMs: 3_600_000, cleanupIntervalMs: 60_000 });
  const aliases = createAliasTable(options.aliases ?? {});
  const profiles = new ProfileSet(builtinProfiles());
  const outcomes: Outcome[] = [];
  const log: LogLine[] = [];
  const exchanges: Exchange[] = [];
  const timeouts: number[] = [];
  const connections = new Map<string, number>();
  let fleet: { endpoint: Endpoint; health: EndpointHealth }[] = [];
  const logger = collectingLogger(log);
  const recorder = createRecorder({ stats, logger, isAccessLogEnabled: true });

  const router = createRouter({
    settings: { ...testSettings, startedAt: clock.wallTime(), ...options.settings },
    clock,
    logger,
    profiles,
    pipeline: {
      handle(exchange) {
        exchanges.push(exchange);
        return (options.handle ?? echo)(exchange);
      },
    },
    endpoints: { snapshot: () => fleet },
    catalog,
    listedModels: createListedModels(catalog, aliases),
    aliases,
    ollama: createOllamaFleet({ clock, version: testSettings.version }),
    refreshModels: () => {},
    connections: {
      of: (name) => connections.get(name) ?? 0,
    },
    stats,
    ...options.traffic?.(clock),
    ...options.guards,
    history: options.history,
    record(outcome) {
      outcomes.push(outcome);
      recorder.record(outcome);
    },
  });
  const connection: ConnectionControl = {
    requestIP: () => ({ address: options.peer ?? "127.0.0.1" }),
    timeout: (_request, seconds) => timeouts.push(seconds),
  };

  return {
    router,
    clock,
    stats,
    catalog,
    profiles,
    outcomes,
    log,
    exchanges,
    timeouts,
    addEndpoint(changes, health = {}) {
      const profile = changes.profile ?? profiles.byType("ollama");
      if (profile === undefined) throw new Error("the built-in profiles have no ollama");
      const endpoint: Endpoint = { ...testEndpoint(changes.name, profile), ...changes };
      fleet = [
        ...fleet,
        { endpoint, health: { ...initialHealth(clock.now()), status: "healthy", ...health } },
      ];
      return endpoint;
    },
    setHealth(name, health) {
      fleet = fleet.map((state) =>
        state.endpoint.name === name ? { ...state, health: { ...state.health, ...health } } : state,
      );
    },
    setConnections: (name, count) => connections.set(name, count),
    request: (path, init) => router.fetch(new Request(`http://olla.test${path}`, init), connection),
    requestAdmin: (path, init) => router.fetchAdmin(new Request(`http://olla.test${path}`, init), connection),
  };
}

/** An outcome of one successful attempt, with changes. */
export function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  const endpoint = changes.endpoint ?? "alpha";
  return {
    requestId: "test-request",
    receivedAt: Date.UTC(2026, 0, 1),
    method: "POST",
    path: "/olla/proxy/v1/chat/completions",
    query: "",
    clientAddress: "127.0.0.1",
    userAgent: undefined,
    model: "llama3",
    endpoint,
    backendType: "ollama",
    status: 200,
    isStream: false,
    requestBytes: 10,
    responseBytes: 100,
    durationMs: 250,
    headMs: 50,
    queueMs: 0,
    stickyOutcome: undefined,
    ending: "complete",
    error: undefined,
    attempts: [{ endpoint, model: "llama3", durationMs: 40, status: 200, error: undefined }],
    decision: undefined,
    ...changes,
  };
}

async function echo(exchange: Exchange): Promise<Response> {
  return Response.json({ upstreamPath: exchange.upstreamPath, query: exchange.query });
}

const testSettings: Omit<ServerSettings, "startedAt"> = {
  version: "1.2.3",
  commit: "abc1234",
  buildDate: "2026-01-01",
  runtime: "Bun test",
  platform: "linux/x64",
  engine: "sherpa",
  balancer: "priority",
  deliveryMode: "auto",
  maxHeaderBytes: 1_048_576,
  maxBodyBytes: 1_000,
  hasBareRoutes: true,
  hasAnthropicRoutes: true,
  idleTimeoutSeconds: 120,
};

function testEndpoint(name: string, profile: Endpoint["profile"]): Endpoint {
  const url = `http://${name}.test:11434`;
  return {
    name,
    id: `id-${name}`,
    url,
    origin: url,
    basePath: "",
    preservePath: false,
    profile,
    isAutoDetected: false,
    priority: 100,
    weight: 1,
    healthUrl: `${url}/`,
    modelsUrl: `${url}/api/tags`,
    hasOwnModelsUrl: false,
    checkIntervalMs: 5_000,
    checkTimeoutMs: 2_000,
    requestHeaders: [],
    secretHeaderNames: new Set(),
    admitsModel: () => true,
    timeouts: { connectMs: 1_000, responseHeaderMs: 1_000, readMs: 1_000 },
  };
}

function collectingLogger(log: LogLine[]): Logger {
  const writer =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}) => {
      log.push({ level, message, fields });
    };
  return {
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    isEnabled: () => true,
  };
}
