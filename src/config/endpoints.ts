import * as v from "valibot";
import { type Report, readAuth, readHeaders, type SecretSources } from "./endpoint-auth.ts";
import type { EndpointConfig } from "./endpoint-config.ts";
import { nameFromUrl, normaliseUrl } from "./endpoint-url.ts";
import { isMapping, type KeyPath } from "./problem.ts";
import type { ParsedEndpoint } from "./schema.ts";
import { defaultCheckIntervalMs, defaultCheckTimeout, endpointEntry } from "./schema-discovery.ts";
import { readEndpointCa } from "./tls-files.ts";

export const endpointsPath = ["discovery", "static", "endpoints"] as const;

export interface EndpointSecrets {
  readonly auth: EndpointConfig["auth"];
  readonly headers: EndpointConfig["headers"];
  /** The text of `tls.ca`. */
  readonly ca?: string | undefined;
}

/**
 * What the schema cannot know about the list: that names and addresses are unique, and what the secrets are.
 * Works on the raw entries, so that it finds everything even when the schema has objections of its own.
 */
export async function readEndpointSecrets(
  entries: readonly unknown[],
  sources: SecretSources,
  report: Report,
): Promise<EndpointSecrets[]> {
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  const secrets: EndpointSecrets[] = [];
  for (const [index, raw] of entries.entries()) {
    const entry = isMapping(raw) ? raw : {};
    const reportHere: Report = (path, message, severity) =>
      report([...endpointsPath, index, ...path], message, severity);
    checkName(entry, index, names, reportHere);
    checkAddress(entry, index, addresses, reportHere);
    secrets.push({
      headers: readHeaders(entry.headers, sources.env, reportHere),
      auth: await readAuth(entry.auth, sources, reportHere),
      ca: await readEndpointCa(entry, sources, reportHere),
    });
  }
  return secrets;
}

type Entry = Readonly<Record<string, unknown>>;

function checkName(entry: Entry, index: number, names: Map<string, number>, report: Report): void {
  const name = endpointLabel(entry);
  if (name === undefined) return;
  const isDerived = entry.name !== name;
  const earlier = names.get(name);
  if (earlier !== undefined) {
    const derived = isDerived ? " (derived from the URL; give the endpoint a name)" : "";
    report(
      ["name"],
      `expected a name of its own, got ${JSON.stringify(name)} like entry ${earlier}${derived}`,
    );
    return;
  }
  names.set(name, index);
  if (isDerived) report(["name"], `expected a name, got nothing; ${JSON.stringify(name)} is used`, "warning");
}

function checkAddress(entry: Entry, index: number, addresses: Map<string, number>, report: Report): void {
  const address = typeof entry.url === "string" ? normaliseUrl(entry.url) : undefined;
  if (address === undefined) return;
  const earlier = addresses.get(address);
  if (earlier === undefined) addresses.set(address, index);
  else report(["url"], `expected an address of its own, got the same one as entry ${earlier}`);
}

/** What to call an entry in messages: its name, else host and port. */
export function endpointLabel(entry: unknown): string | undefined {
  if (!isMapping(entry)) return undefined;
  if (typeof entry.name === "string" && entry.name !== "") return entry.name;
  return typeof entry.url === "string" ? nameFromUrl(entry.url) : undefined;
}

/** The index of the endpoint that a path leads into. */
export function endpointIndex(path: KeyPath): number | undefined {
  const index = path[endpointsPath.length];
  return endpointsPath.every((part, depth) => path[depth] === part) && typeof index === "number"
    ? index
    : undefined;
}

/** An endpoint that no file names, with every setting at the schema's default. `url` must be one that a file could hold. */
export function defaultEndpoint(entry: { url: string; name: string; type: string }): EndpointConfig {
  return buildEndpoint(v.parse(endpointEntry, entry), { auth: undefined, headers: {} });
}

export function buildEndpoint(parsed: ParsedEndpoint, secrets: EndpointSecrets): EndpointConfig {
  const checkInterval = parsed.check_interval || defaultCheckIntervalMs;
  return {
    url: parsed.url,
    name: endpointLabel(parsed) ?? parsed.url,
    type: parsed.type.trim() || "auto",
    priority: parsed.priority,
    weight: parsed.weight,
    health_check_url: parsed.health_check_url || undefined,
    model_url: parsed.model_url || undefined,
    check_interval: checkInterval,
    check_timeout: parsed.check_timeout || defaultCheckTimeout(checkInterval),
    preserve_path: parsed.preserve_path,
    model_filter: parsed.model_filter,
    headers: secrets.headers,
    auth: secrets.auth,
    connection_timeout: parsed.connection_timeout,
    response_header_timeout: parsed.response_header_timeout,
    read_timeout: parsed.read_timeout,
    max_concurrent: parsed.max_concurrent,
    tier: parsed.tier,
    daily_tokens: parsed.daily_tokens,
    tls: {
      ca: secrets.ca,
      server_name: parsed.tls.server_name.trim() || undefined,
      insecure_skip_verify: parsed.tls.insecure_skip_verify,
    },
  };
}
