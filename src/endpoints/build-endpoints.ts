import type { EndpointDraft } from "../config/drafts.ts";
import type { EndpointConfig } from "../config/endpoint-config.ts";
import type { ConfigProblem } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import type { ClientTls } from "../lib/client-tls.ts";
import { compileGlobs } from "../lib/glob.ts";
import { nearestNames } from "../lib/nearest.ts";
import type { Secret } from "../lib/secret.ts";
import type { Profile } from "../profiles/profile.ts";
import { fallbackProfileName, type ProfileSet } from "../profiles/profile-set.ts";
import type { Endpoint, EndpointTimeouts } from "./endpoint.ts";
import { assignEndpointIds } from "./endpoint-id.ts";
import { parseEndpointUrl, resolveEndpointUrl, resolveKindUrl } from "./endpoint-url.ts";

/** The global timeouts that an endpoint's own settings are completed with, by their key below `proxy`. */
export type GlobalTimeoutKey = "connection_timeout" | "response_header_timeout" | "read_timeout";

export interface BuildEndpointsSettings {
  readonly profiles: ProfileSet;
  /** The global values in force, set by the user or not. */
  readonly defaults: EndpointTimeouts;
  /** Whether the user wrote the global key: then it beats what a profile recommends. */
  readonly isGlobalTimeoutSet: (key: GlobalTimeoutKey) => boolean;
}

/** What the configuration says about endpoints in general. `isSet` takes a dotted key. */
export function endpointSettings(
  { proxy }: Config,
  profiles: ProfileSet,
  isSet: (path: string) => boolean,
): BuildEndpointsSettings {
  return {
    profiles,
    defaults: {
      connectMs: proxy.connection_timeout,
      responseHeaderMs: proxy.response_header_timeout,
      readMs: proxy.read_timeout,
    },
    isGlobalTimeoutSet: (key) => isSet(`proxy.${key}`),
  };
}

export interface BuiltEndpoints {
  /** In configuration order; entries with a problem are left out. */
  readonly endpoints: readonly Endpoint[];
  readonly problems: readonly ConfigProblem[];
  /**
   * The record for an endpoint of `type: auto` once its kind was found; `undefined` makes the kind unknown again.
   * Whatever the user set himself stays. Returns other endpoints as they are.
   */
  readonly withProfile: (endpoint: Endpoint, found: Profile | undefined) => Endpoint;
}

/** Front page: answers on every kind of server, which is all that is known of an endpoint of unknown kind. */
const unknownKindHealthPath = "/";

/** Fetch sets these itself, or they would break the framing; a configured one has no effect. */
const ineffectiveHeaders: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
]);

/** Turns checked configuration into records. Collects every problem; does no input or output. */
export function buildEndpoints(
  configs: readonly EndpointConfig[],
  settings: BuildEndpointsSettings,
): BuiltEndpoints {
  const problems: ConfigProblem[] = [];
  const ids = assignEndpointIds(
    configs.map((config) => ({
      name: config.name,
      rawUrl: config.url,
      url: parseEndpointUrl(config.url)?.url ?? config.url,
    })),
  );
  const configByName = new Map<string, EndpointConfig>();
  const fallback = settings.profiles.byName(fallbackProfileName);

  const endpoints = configs.flatMap((config, index) => {
    const path = pathOf(index);
    const { name, type, headers } = config;
    problems.push(...checkDraft({ name, type, headerNames: Object.keys(headers) }, index, settings.profiles));
    const kind = findKind(config, settings.profiles);
    if (typeof kind === "string") return [];
    const endpoint = buildEndpoint(config, kind, { id: ids.get(config.name) ?? "", settings });
    if (endpoint === undefined) {
      problems.push({
        severity: "error",
        kind: "value",
        path: `${path}.url`,
        message: "expected an http URL",
      });
      return [];
    }
    configByName.set(endpoint.name, config);
    return [endpoint];
  });

  return {
    endpoints,
    problems,
    withProfile(endpoint, found) {
      const config = configByName.get(endpoint.name);
      const profile = found ?? fallback;
      if (config === undefined || profile === undefined || !isAuto(config)) return endpoint;
      const kind = { profile, isUnknown: found === undefined };
      return buildEndpoint(config, kind, { id: endpoint.id, settings }) ?? endpoint;
    },
  };
}

/**
 * What is wrong with endpoints, as far as the profiles tell. `buildEndpoints` says the same, but needs entries without
 * any other mistake.
 */
export function checkDrafts(drafts: readonly EndpointDraft[], profiles: ProfileSet): ConfigProblem[] {
  return drafts.flatMap((draft, index) => checkDraft(draft, index, profiles));
}

function checkDraft(draft: EndpointDraft, index: number, profiles: ProfileSet): ConfigProblem[] {
  const { name, type, headerNames } = draft;
  const path = pathOf(index);
  const kind = type === undefined ? undefined : findKind({ name, type }, profiles);
  if (typeof kind === "string") {
    return [{ severity: "error", kind: "value", path: `${path}.type`, message: kind }];
  }
  return headerNames
    .filter((header) => ineffectiveHeaders.has(header.toLowerCase()))
    .map((header) => {
      const message = "is set by Olla itself; this entry has no effect";
      return { severity: "warning", kind: "advice", path: `${path}.headers.${header}`, message };
    });
}

function pathOf(index: number): string {
  return `discovery.static.endpoints[${index}]`;
}

interface Kind {
  readonly profile: Profile;
  readonly isUnknown: boolean;
}

/** @returns the kind, or what is wrong with the configured one */
function findKind(config: Pick<EndpointConfig, "name" | "type">, profiles: ProfileSet): Kind | string {
  const fallback = profiles.byName(fallbackProfileName);
  if (isAuto(config)) {
    return fallback === undefined
      ? `"auto" needs the profile "${fallbackProfileName}", which proxy.profile_filter leaves out`
      : { profile: fallback, isUnknown: true };
  }
  const profile = profiles.byType(config.type);
  if (profile !== undefined) return { profile, isUnknown: false };
  if (profiles.isLeftOut(config.type)) {
    return `endpoint "${config.name}": proxy.profile_filter leaves out the type "${config.type}"`;
  }
  const supported = [...profiles.names(), "auto"];
  const nearest = nearestNames(config.type, supported, 1)[0];
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  return `endpoint "${config.name}": unsupported endpoint type "${config.type}", supported types: ${supported.join(", ")}${hint}`;
}

function isAuto(config: Pick<EndpointConfig, "type">): boolean {
  const type = config.type.trim().toLowerCase();
  return type === "" || type === "auto";
}

function buildEndpoint(
  config: EndpointConfig,
  kind: Kind,
  context: { id: string; settings: BuildEndpointsSettings },
): Endpoint | undefined {
  const address = parseEndpointUrl(config.url);
  if (address === undefined) return undefined;
  const { profile, isUnknown } = kind;
  const base = `${address.origin}${address.basePath}`;
  const healthPath = isUnknown ? unknownKindHealthPath : profile.healthCheckPath;
  const requestHeaders = collectHeaders(config);
  return {
    name: config.name,
    id: context.id,
    ...address,
    preservePath: config.preserve_path,
    profile,
    isAutoDetected: isUnknown,
    priority: config.priority,
    weight: config.weight,
    healthUrl: config.health_check_url
      ? resolveEndpointUrl(base, config.health_check_url)
      : resolveKindUrl(base, profile, healthPath),
    modelsUrl: config.model_url
      ? resolveEndpointUrl(base, config.model_url)
      : resolveKindUrl(base, profile, profile.modelDiscoveryPath),
    hasOwnModelsUrl: Boolean(config.model_url),
    checkIntervalMs: config.check_interval,
    checkTimeoutMs: config.check_timeout,
    requestHeaders,
    secretHeaderNames: new Set(requestHeaders.map(([name]) => name.toLowerCase())),
    admitsModel: compileGlobs(config.model_filter),
    timeouts: chooseTimeouts(config, isUnknown ? undefined : profile, context.settings),
    isCloud: config.tier === "cloud",
    ...(address.origin.startsWith("https:") && { tls: clientTls(config.tls) }),
  };
}

function clientTls({ ca, server_name, insecure_skip_verify }: EndpointConfig["tls"]): ClientTls {
  return Object.freeze({
    rejectUnauthorized: !insecure_skip_verify,
    ...(ca !== undefined && { ca }),
    ...(server_name !== undefined && { serverName: server_name }),
  });
}

/** The endpoint's own value, else the global one the user wrote, else the profile's, else the global default. */
function chooseTimeouts(
  config: EndpointConfig,
  profile: Profile | undefined,
  { defaults, isGlobalTimeoutSet }: BuildEndpointsSettings,
): EndpointTimeouts {
  const choose = (key: GlobalTimeoutKey, recommended: number | undefined, global: number) =>
    config[key] ?? (isGlobalTimeoutSet(key) ? global : (recommended ?? global));
  const recommended = profile?.timeouts;
  return {
    connectMs: choose("connection_timeout", recommended?.connectMs, defaults.connectMs),
    responseHeaderMs: choose(
      "response_header_timeout",
      recommended?.responseHeaderMs,
      defaults.responseHeaderMs,
    ),
    readMs: choose("read_timeout", recommended?.readMs, defaults.readMs),
  };
}

function collectHeaders(config: EndpointConfig): (readonly [string, Secret])[] {
  const byLowerName = new Map<string, readonly [string, Secret]>();
  const add = (name: string, value: Secret) => {
    const lowerName = name.toLowerCase();
    // Deleted first, so that a replaced header moves to the end: auth comes last.
    byLowerName.delete(lowerName);
    byLowerName.set(lowerName, [name, value]);
  };
  for (const [name, value] of Object.entries(config.headers)) {
    if (!ineffectiveHeaders.has(name.toLowerCase())) add(name, value);
  }
  if (config.auth !== undefined) add(config.auth.header, config.auth.value);
  return [...byLowerName.values()];
}
