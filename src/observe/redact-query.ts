const credentialNames: ReadonlySet<string> = new Set([
  "api_key",
  "apikey",
  "token",
  "access_token",
  "refresh_token",
  "key",
  "password",
  "secret",
  "client_secret",
  "auth",
  "authorization",
  "signature",
]);

/**
 * The query, without `?`, with the values of credential-like parameters replaced. Names are compared decoded and
 * without case, so `%74oken=` hides nothing. Everything else stays as it was received.
 */
export function redactQuery(query: string): string {
  const text = query.startsWith("?") ? query.slice(1) : query;
  if (text === "") return "";
  return text.replace(/[^&;]+/g, redactPair);
}

/** Whether some parameter is called like a credential, whatever its value. @param query with or without `?` */
export function namesCredential(query: string): boolean {
  return query.split(/[?&;]/).some((pair) => isCredentialName(pair.split("=", 1)[0] ?? ""));
}

function redactPair(pair: string): string {
  const equals = pair.indexOf("=");
  if (equals < 0) return pair;
  const name = pair.slice(0, equals);
  return isCredentialName(name) ? `${name}=[REDACTED]` : pair;
}

function isCredentialName(name: string): boolean {
  // Twice: a name that was encoded once too often is still a name to somebody.
  const decoded = decodeLeniently(decodeLeniently(name.replaceAll("+", " ")));
  const bare = decoded.trim().toLowerCase().replaceAll("-", "_");
  // `auth[token]` and `x.token` are how some frameworks nest parameters.
  return bare.split(/[[\].]/).some((part) => credentialNames.has(part));
}

function decodeLeniently(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
