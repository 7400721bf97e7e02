import type { Endpoint } from "../endpoints/endpoint.ts";
import type { UpstreamRequest } from "./engine.ts";
import { HeaderMemory } from "./header-memory.ts";
import { toHeaderValue } from "./header-value.ts";
import { deleteCredentials, deleteHopByHop, endsHere, hasNamedHops } from "./hop-headers.ts";
import { buildUpstreamUrl } from "./upstream-url.ts";

/** One client request, as far as every endpoint gets to see it. */
export interface ClientRequest {
  readonly method: string;
  /** As received. Not changed. */
  readonly headers: Headers;
  /** Of the connection. */
  readonly peerAddress: string;
  /** The same, or what a trusted proxy says. */
  readonly clientAddress: string;
  /** Of a trusted proxy, and what of its `X-Forwarded-For` is believed; its word about host and protocol is taken, too. */
  readonly trustedForwarding?: { readonly chain: string | undefined } | undefined;
  readonly isSecure: boolean;
  readonly requestId: string;
  /** Starts with `/`, percent-encoding as received. */
  readonly upstreamPath: string;
  /** `""` or starting with `?`. */
  readonly query: string;
  /** The model that the client asked for. */
  readonly model: string | undefined;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** Set by us, or meaningful only between the client and us. */
const replacedNames = ["host", "content-length", "expect", "origin", "x-olla-endpoint"] as const;

/** What a proxy in front of us would say about the client. Anybody can write these. */
const forwardingNames = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-real-ip",
] as const;

/** What we say ourselves also where a trusted proxy has said it: before what it wrote may stand what a client invented. */
const replacedForwardingNames = ["forwarded", "x-forwarded-for", "x-real-ip"] as const;

/** The same client says something else in these with each request. */
const namesOfOneRequest = [
  "x-request-id",
  "traceparent",
  "tracestate",
  "baggage",
  "idempotency-key",
  "x-stainless-idempotency-key",
] as const;

/** What becomes of a client's header; those that are not in here go on as they are. */
const fates: ReadonlyMap<string, "replaced" | "forwarding" | "own"> = new Map([
  ...replacedNames.map((name) => [name, "replaced"] as const),
  ...forwardingNames.map((name) => [name, "forwarding"] as const),
  ...namesOfOneRequest.map((name) => [name, "own"] as const),
]);

const requestIdName = "x-olla-request-id";

/** Builds the request for one endpoint, at the client's path or at another one. */
export type BuildUpstreamRequest = (endpoint: Endpoint, path?: string) => UpstreamRequest;

/**
 * Made once.
 * @param version of Olla, for `Via` and the like
 * @param instanceId stands behind it in `Via`, so that this process knows a request that comes back to it
 * @returns what does the work that all attempts of one request share
 */
export function createRequestBuilder(
  version: string,
  instanceId?: string,
): (client: ClientRequest) => BuildUpstreamRequest {
  const memory = new HeaderMemory();
  return (client) => {
    const shared = recallSharedHeaders(client, memory, () => buildSharedHeaders(client, version, instanceId));
    const body = client.body === undefined || client.body.byteLength === 0 ? undefined : client.body;
    return (endpoint, path = client.upstreamPath) => ({
      url: buildUpstreamUrl(endpoint, path, client.query),
      method: client.method,
      headers: addEndpointHeaders(shared, endpoint),
      body,
    });
  };
}

/** A client says nearly the same with every request, so what goes out is nearly the same as well. */
function recallSharedHeaders(client: ClientRequest, memory: HeaderMemory, build: () => Headers): Headers {
  // They take away what another request may well have sent on.
  if (hasNamedHops(client.headers)) return build();
  const own: string[] = [];
  let key = `${client.isSecure} ${client.peerAddress} ${client.clientAddress} ${client.trustedForwarding?.chain}`;
  const isTrusted = client.trustedForwarding !== undefined;
  client.headers.forEach((value, name) => {
    const fate = fates.get(name);
    if (fate === "own") own.push(name, value);
    else if (
      name === "host" ||
      (fate === "forwarding" && isTrusted) ||
      (fate === undefined && !endsHere(name))
    )
      // Neither can hold a line break.
      key += `\n${name}:${value}`;
  });
  // Last, because a model's name may hold anything.
  if (client.model !== undefined) key += `\n\n${client.model}`;
  const known = memory.find(key);
  if (known === undefined) {
    const built = build();
    memory.note(key, () => withoutOwn(built));
    return built;
  }
  for (let at = 0; at < own.length; at += 2) known.set(own[at] ?? "", own[at + 1] ?? "");
  known.set(requestIdName, client.requestId);
  return known;
}

function withoutOwn(built: Headers): Headers {
  const headers = new Headers(built);
  for (const name of namesOfOneRequest) headers.delete(name);
  headers.delete(requestIdName);
  return headers;
}

/** `Host` and `Content-Length` are left to `fetch`: they are the endpoint's own and the body's. */
function buildSharedHeaders(client: ClientRequest, version: string, instanceId?: string): Headers {
  const headers = new Headers(client.headers);
  const host = headers.get("host");
  deleteHopByHop(headers);
  deleteCredentials(headers);
  for (const name of replacedNames) headers.delete(name);
  const names = client.trustedForwarding === undefined ? forwardingNames : replacedForwardingNames;
  for (const name of names) headers.delete(name);

  // `fetch` would otherwise ask for encodings that nobody on our side decodes, or name itself.
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  if (!headers.has("user-agent")) headers.set("user-agent", `olla/${version}`);

  headers.set("x-proxied-by", `Olla/${version}`);
  headers.append(
    "via",
    instanceId === undefined ? `1.1 olla/${version}` : `1.1 olla/${version} (${instanceId})`,
  );
  const chain = client.trustedForwarding?.chain;
  headers.set(
    "x-forwarded-for",
    chain === undefined ? client.peerAddress : `${chain}, ${client.peerAddress}`,
  );
  headers.set("x-real-ip", client.clientAddress);
  setIfAbsent(headers, "x-forwarded-proto", client.isSecure ? "https" : "http");
  if (host !== null) setIfAbsent(headers, "x-forwarded-host", host);
  // Not as X-Request-ID: that stays the client's own, and llama-cpp-python answers 400 to one that is no UUID.
  headers.set(requestIdName, client.requestId);
  if (client.model === undefined) headers.delete("x-model");
  else headers.set("x-model", toHeaderValue(client.model));
  return headers;
}

function setIfAbsent(headers: Headers, name: string, value: string): void {
  if (!headers.has(name)) headers.set(name, value);
}

/** What the user configured for the endpoint wins over everything else; its credentials come last in that list. */
function addEndpointHeaders(shared: Headers, endpoint: Endpoint): Headers {
  if (endpoint.requestHeaders.length === 0) return shared;
  const headers = new Headers(shared);
  for (const [name, value] of endpoint.requestHeaders) headers.set(name, value.reveal());
  // It would steer the request to another virtual host than the endpoint's own.
  headers.delete("host");
  return headers;
}
