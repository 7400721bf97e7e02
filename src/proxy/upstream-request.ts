import type { Endpoint } from "../endpoints/endpoint.ts";
import type { UpstreamRequest } from "./engine.ts";
import { toHeaderValue } from "./header-value.ts";
import { deleteCredentials, deleteHopByHop } from "./hop-headers.ts";
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

/**
 * Does the work that all attempts share and returns what builds the request for one endpoint, at the client's path or at
 * another one.
 * @param version of Olla, for `Via` and the like
 * @param instanceId stands behind it in `Via`, so that this process knows a request that comes back to it
 */
export function prepareUpstreamRequest(
  client: ClientRequest,
  version: string,
  instanceId?: string,
): (endpoint: Endpoint, path?: string) => UpstreamRequest {
  const shared = buildSharedHeaders(client, version, instanceId);
  const body = client.body === undefined || client.body.byteLength === 0 ? undefined : client.body;
  return (endpoint, path = client.upstreamPath) => ({
    url: buildUpstreamUrl(endpoint, path, client.query),
    method: client.method,
    headers: addEndpointHeaders(shared, endpoint),
    body,
  });
}

/** `Host` and `Content-Length` are left to `fetch`: they are the endpoint's own and the body's. */
export function buildSharedHeaders(client: ClientRequest, version: string, instanceId?: string): Headers {
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
  headers.set("x-olla-request-id", client.requestId);
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
