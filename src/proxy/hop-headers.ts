/** Headers that belong to one connection (RFC 9110 7.6.1) and those that only clients and proxies agree on. */
const hopByHopNames = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

/** What carries a key of its sender, in the APIs that we stand in front of. Never crosses Olla in either direction. */
const credentialNames = [
  "authorization",
  "cookie",
  "x-api-key",
  "x-auth-token",
  "api-key",
  "x-goog-api-key",
] as const;

/** Removes what ends at this hop, whatever the `Connection` header names included. */
export function deleteHopByHop(headers: Headers): void {
  const connection = headers.get("connection");
  if (connection !== null && !isOrdinary(connection)) deleteNamedByConnection(headers, connection);
  for (const name of hopByHopNames) headers.delete(name);
}

export function deleteCredentials(headers: Headers): void {
  for (const name of credentialNames) headers.delete(name);
}

const endingHere: ReadonlySet<string> = new Set([...hopByHopNames, ...credentialNames]);

/** Whether `deleteHopByHop` or `deleteCredentials` would delete it, apart from what `Connection` names. @param name in lower case */
export function endsHere(name: string): boolean {
  return endingHere.has(name);
}

/** Whether `Connection` names headers besides those that end here anyway. */
export function hasNamedHops(headers: Headers): boolean {
  const connection = headers.get("connection");
  return connection !== null && !isOrdinary(connection);
}

/** Most connections say one of these, and naming `keep-alive` or `close` removes nothing that goes not anyway. */
function isOrdinary(connection: string): boolean {
  return connection === "keep-alive" || connection === "close";
}

function deleteNamedByConnection(headers: Headers, connection: string): void {
  for (const option of connection.split(",")) {
    const name = option.trim();
    if (headerName.test(name)) headers.delete(name);
  }
}

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
