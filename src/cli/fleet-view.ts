import { isObject, type JsonObject } from "../lib/json.ts";
import { harmless } from "./safe-text.ts";

/** What is shown of one endpoint; texts are harmless. Members are undefined where this Olla says nothing of them. */
export interface EndpointLine {
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly isDraining: boolean;
  /** `open 12s`, `half-open`; "" for a closed one, or none. */
  readonly breaker: string;
  /** Models with a breaker of their own that is not closed. */
  readonly brokenModels: number;
  readonly isCooling: boolean;
  readonly running: number;
  readonly limit: number | undefined;
  readonly waiting: number | undefined;
  readonly requests: number;
  readonly success: string;
  readonly latencyMs: number | undefined;
  readonly models: number;
  readonly issues: string;
}

export interface ModelLine {
  readonly name: string;
  readonly places: readonly string[];
  /** Of `places`, those that have it in memory; undefined where no endpoint says what it has. */
  readonly loadedAt: readonly string[] | undefined;
  readonly size: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface AliasLine {
  readonly name: string;
  /** In the order of their steps: `llama3 at desk, gpu-box`. */
  readonly targets: readonly string[];
}

export interface FleetView {
  readonly version: string;
  readonly uptime: string;
  /** Differs after a restart. */
  readonly startTime: string;
  readonly engine: string;
  readonly balancer: string;
  readonly system: string;
  readonly endpointsUp: string;
  /** Why the file on disk is not what is in force; "" while it is. */
  readonly configProblem: string;
  readonly inFlight: number;
  readonly waiting: number;
  readonly requests: number;
  readonly failures: number;
  readonly success: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly endpoints: readonly EndpointLine[];
  readonly models: readonly ModelLine[];
  readonly aliases: readonly AliasLine[];
}

export interface FleetBodies {
  /** Of `/internal/status`. */
  readonly status: JsonObject;
  /** Of `/internal/status/endpoints`. */
  readonly endpoints: JsonObject;
  /** Of `/internal/status/models`, with every model. */
  readonly models: JsonObject;
}

/** Reads what another Olla, of another version perhaps, has said. Never throws; what is missing is 0 or empty. */
export function readFleet({ status, endpoints, models }: FleetBodies): FleetView {
  const proxy = objectAt(status, "proxy");
  const system = objectAt(status, "system");
  const tokens = objectAt(system, "tokens");
  const rows = objectsAt(endpoints, "endpoints");
  return {
    version: textAt(system, "version"),
    uptime: textAt(system, "uptime"),
    startTime: textAt(system, "start_time"),
    engine: textAt(proxy, "engine"),
    balancer: textAt(proxy, "balancer"),
    system: textAt(system, "status"),
    endpointsUp: textAt(system, "endpoints_up"),
    configProblem: describeConfig(objectAt(status, "config")),
    inFlight: numberAt(system, "active_connections"),
    waiting: numberAt(objectAt(system, "queue"), "waiting"),
    requests: numberAt(system, "total_requests"),
    failures: numberAt(system, "total_failures"),
    success: textAt(system, "success_rate"),
    inputTokens: numberAt(tokens, "input"),
    outputTokens: numberAt(tokens, "output"),
    endpoints: rows.map(readEndpoint),
    models: readModels(models, rows),
    aliases: objectsAt(models, "model_aliases").map(readAlias),
  };
}

function describeConfig(config: JsonObject): string {
  if (config.is_current !== false) return "";
  const file = textAt(config, "file") || "the configuration";
  const errors = numberAt(objectAt(config, "last_reload"), "errors");
  return `${file} has ${errors === 1 ? "an error" : `${errors} errors`}; what was in force before stays`;
}

function readEndpoint(row: JsonObject): EndpointLine {
  const breaker = objectAt(row, "circuit_breaker");
  const state = textAt(breaker, "state");
  const broken = objectsAt(breaker, "models").filter((each) => each.state !== "closed");
  const queue = objectAt(row, "queue");
  const success = textAt(row, "success_rate");
  const requests = numberAt(row, "request_count");
  return {
    name: textAt(row, "name"),
    kind: textAt(row, "type"),
    status: textAt(row, "status"),
    isDraining: row.draining === true,
    breaker: state === "closed" ? "" : `${state} ${textAt(breaker, "retry_in")}`.trim(),
    brokenModels: broken.length,
    isCooling: typeof row.cooldown_until === "string",
    running: numberAt(row, "active_connections"),
    limit: optionalNumberAt(queue, "limit"),
    waiting: optionalNumberAt(queue, "depth"),
    requests,
    success: requests === 0 ? "" : success,
    latencyMs: optionalNumberAt(row, "avg_latency_ms"),
    models: numberAt(row, "model_count"),
    issues: textAt(row, "issues"),
  };
}

/** Most used first, then by name. */
function readModels(body: JsonObject, endpoints: readonly JsonObject[]): ModelLine[] {
  const loaded = new Map<string, ReadonlySet<string>>();
  for (const endpoint of endpoints) {
    if (Array.isArray(endpoint.loaded_models))
      loaded.set(textAt(endpoint, "name"), new Set(textsAt(endpoint, "loaded_models")));
  }
  const groups = objectsAt(body, "model_groups");
  const all = groups.length > 0 ? groups.flatMap((group) => objectsAt(group, "models")) : recentOf(body);
  const lines = all.map((row): ModelLine => {
    const name = textAt(row, "name");
    const tokens = objectAt(row, "tokens");
    const places = textsAt(row, "endpoints");
    const isKnown = places.some((place) => loaded.has(place));
    return {
      name,
      places,
      loadedAt: isKnown ? places.filter((place) => loaded.get(place)?.has(name)) : undefined,
      size: textAt(row, "size"),
      inputTokens: numberAt(tokens, "input"),
      outputTokens: numberAt(tokens, "output"),
    };
  });
  const weight = (line: ModelLine) => line.inputTokens + line.outputTokens;
  return lines.toSorted(
    (left, right) =>
      weight(right) - weight(left) ||
      (right.loadedAt?.length ?? 0) - (left.loadedAt?.length ?? 0) ||
      (left.name < right.name ? -1 : 1),
  );
}

function recentOf(body: JsonObject): JsonObject[] {
  return objectsAt(body, "recent_models");
}

function readAlias(row: JsonObject): AliasLine {
  return {
    name: textAt(row, "name"),
    targets: objectsAt(row, "targets").map((target) => {
      const places = objectsAt(target, "endpoints").map((place) => textAt(place, "name"));
      return `${textAt(target, "model")} at ${places.join(", ") || "no endpoint"}`;
    }),
  };
}

/** Text of others, harmless; numbers and booleans as text; "" for all else. */
export function textAt(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === "string") return harmless(value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

export function textsAt(object: JsonObject, name: string): string[] {
  const value = object[name];
  if (!Array.isArray(value)) return [];
  return value.filter((each) => typeof each === "string").map(harmless);
}

export function numberAt(object: JsonObject, name: string): number {
  return optionalNumberAt(object, name) ?? 0;
}

export function optionalNumberAt(object: JsonObject, name: string): number | undefined {
  const value = object[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function objectAt(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

export function objectsAt(object: JsonObject, name: string): JsonObject[] {
  const value = object[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}
