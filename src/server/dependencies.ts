import type { ActiveConnections } from "../balancer/balancer.ts";
import type { ConfigReload } from "../config/reload-report.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { EndpointHealth } from "../endpoints/endpoint-health.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { AliasTable } from "../models/alias.ts";
import type { LoadedModels } from "../models/loaded/loaded-models.ts";
import type { Model } from "../models/model.ts";
import type { OllamaFleet } from "../models/ollama-fleet.ts";
import type { ModelPlace } from "../models/place-index.ts";
import type { UnifiedModel } from "../models/unified-model.ts";
import type { EndedRequests } from "../observe/ended-requests.ts";
import type { EventLoopDelay } from "../observe/event-loop-delay.ts";
import type { LiveRates } from "../observe/live-rates.ts";
import type { LiveRequests } from "../observe/live-requests.ts";
import type { Outcome } from "../observe/outcome.ts";
import type { RequestHistory } from "../observe/request-history.ts";
import type { Stats } from "../observe/stats.ts";
import type { BeginTrace } from "../observe/tracing/tracing.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import type { Admission } from "../proxy/admission.ts";
import type { BreakerSet } from "../proxy/breakers.ts";
import type { Cooldowns } from "../proxy/cooldown.ts";
import type { AdminGuard } from "./guard/admin-guard.ts";
import type { ReadClientOrigin } from "./guard/client-address.ts";
import type { ClientGuard } from "./guard/client-guard.ts";
import type { Cors } from "./guard/cors.ts";
import type { FrontGuard } from "./guard/front-guard.ts";
import type { ConfigView } from "./routes/config-view.ts";
import type { DashboardDoor } from "./routes/dashboard.ts";
import type { Maintenance } from "./routes/maintenance.ts";
import type { StickyView } from "./routes/stats-sticky.ts";

/** What the HTTP surface needs of the rest of Olla. Everything is read, nothing is owned. */
export interface ServerDependencies {
  readonly settings: ServerSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly profiles: ProfileSet;
  readonly pipeline: RequestPipeline;
  readonly endpoints: EndpointSnapshots;
  readonly catalog: ModelInventory;
  /** What model lists show: the catalog's models, and the aliases. Sorted by id. */
  readonly listedModels: () => readonly UnifiedModel[];
  readonly aliases: AliasTable;
  readonly ollama: OllamaFleet;
  readonly connections: Pick<ActiveConnections, "of">;
  readonly stats: Stats;
  /** Missing where the engine has none, or they are switched off. */
  readonly breakers?: Pick<BreakerSet, "stateOf"> | undefined;
  readonly queues?: QueueView | undefined;
  readonly cooldowns?: Pick<Cooldowns, "active"> | undefined;
  /** Missing while sessions are not sticky. */
  readonly sticky?: StickyView | undefined;
  /** Measured while somebody asks. */
  readonly eventLoop?: EventLoopDelay | undefined;
  /** Missing while `proxy.prefer_loaded` is off. */
  readonly loaded?: Pick<LoadedModels, "modelsAt"> | undefined;
  /** The requests under way; missing where nobody may look at them. */
  readonly live?: LiveRequests | undefined;
  /** The requests that have ended; missing where nobody may look at them. */
  readonly history?: RequestHistory | undefined;
  /** What operators can do; missing where they can do nothing. */
  readonly maintenance?: Maintenance | undefined;
  /** Missing where the configuration cannot be read again. */
  readonly reload?: ConfigReload | undefined;
  /** Reads an endpoint's list of models anew, some time after the call. */
  readonly refreshModels: (endpointName: string) => void;
  /** Missing where nobody needs a key and nothing is limited. */
  readonly guard?: ClientGuard | undefined;
  /** Missing where every host, page and way is fine. */
  readonly front?: FrontGuard | undefined;
  /** Missing where CORS is off. */
  readonly cors?: Cors | undefined;
  /** Missing: nobody asks for an admin key. */
  readonly admin?: AdminGuard | undefined;
  /** Missing where no proxy's word about its clients is taken. */
  readonly readOrigin?: ReadClientOrigin | undefined;
  /** Says to which trace a request belongs. Missing where nothing is traced. */
  readonly beginTrace?: BeginTrace | undefined;
  /** Missing where nobody can listen to what happens. */
  readonly feedRecords?: FeedRecords | undefined;
  /** Missing while the dashboard is switched off. */
  readonly dashboard?: DashboardDoor | undefined;
  /** Missing where there is nothing to show of it. */
  readonly readConfig?: (() => ConfigView) | undefined;
  /** Takes the outcome of what the server answers itself; the pipeline records its own requests. */
  readonly record: (outcome: Outcome) => void;
}

/** What the live feed tells of, written by the recorder. */
export interface FeedRecords {
  readonly rates: LiveRates;
  readonly ended: EndedRequests;
}

export interface ServerSettings {
  readonly version: string;
  readonly commit: string;
  /** As stamped into the build, or `unknown`. */
  readonly buildDate: string;
  /** For example `Bun 1.4.5`. */
  readonly runtime: string;
  /** `os/arch`. */
  readonly platform: string;
  readonly engine: string;
  readonly balancer: string;
  /** The delivery mode (`proxy.profile`). */
  readonly deliveryMode: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Upper limit of the estimated size of a request's head. */
  readonly maxHeaderBytes: number;
  /** Upper limit of a request's body; 0 switches the check off. */
  readonly maxBodyBytes: number;
  /** `server.bare_routes`: whether `/v1/…` and `/api/…` are there without `/olla/…` in front. */
  readonly hasBareRoutes: boolean;
  /** `telemetry.metrics.bare_route`: whether `/metrics` is what `/internal/metrics` is. */
  readonly hasBareMetrics?: boolean;
  /** Whether the Messages API is served: `/olla/anthropic`, and Anthropic's list to its clients everywhere. */
  readonly hasAnthropicRoutes: boolean;
  /** `server.admin.port`: where `/internal/` and management are, and nothing else; undefined where one port is for all. */
  readonly adminPort?: number | undefined;
  /** What a connection gets back after a proxied answer; the same number as given to `listen`. */
  readonly idleTimeoutSeconds: number;
}

/** Never rejects for what goes wrong upstream: those are answers, too. */
export interface RequestPipeline {
  handle(exchange: Exchange): Promise<Response>;
}

export interface EndpointSnapshots {
  /** In configuration order. */
  snapshot(): readonly EndpointView[];
}

export interface EndpointView {
  readonly endpoint: Endpoint;
  readonly health: HealthView;
  readonly isDraining?: boolean;
}

/** `lastCheckedAt` is in milliseconds since the epoch, `nextCheckAt` in monotonic ones. */
export type HealthView = Pick<
  EndpointHealth,
  "status" | "consecutiveFailures" | "lastCheckedAt" | "nextCheckAt" | "lastLatencyMs"
>;

export interface QueueView extends Pick<Admission, "queueDepth" | "waiting" | "waitTotals"> {
  /** Most requests at once at an endpoint; 0 is no limit, and then nobody waits. */
  limitOf(endpointName: string): number;
}

/** Of `ModelCatalog`. */
export interface ModelInventory {
  modelsAt(endpointName: string): readonly Model[];
  /** By name in any case, with or without `:latest`. */
  placesOf(name: string): readonly ModelPlace[];
  /** Milliseconds since the epoch of the last list that could be read; undefined before the first. */
  lastUpdatedAt(endpointName: string): number | undefined;
  unified(): readonly UnifiedModel[];
}
