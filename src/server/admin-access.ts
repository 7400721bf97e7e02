import { OllaError } from "../errors.ts";
import { isLoopbackAddress } from "../lib/loopback.ts";
import type { Arrival } from "./arrival.ts";
import type { HostTest } from "./guard/host-guard.ts";
import { isLocalOrigin } from "./guard/origin-guard.ts";

/** What a proxy on the way adds: the request comes from elsewhere, whatever its connection says. */
const forwardingHeaders = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
] as const;

/**
 * Only programs on this machine may, and no web page that is open in a browser on it, unless it is a program's own.
 * Stricter than for other requests: neither CORS nor a listener on every address lets a page in here.
 * @throws OllaError forbidden
 */
export function requireLocalCaller({ request, peerAddress }: Arrival, knowsHost: HostTest): void {
  const { headers } = request;
  const origin = headers.get("origin");
  if (origin !== null && !isLocalOrigin(origin)) {
    throw new OllaError("forbidden", `Without an admin key, a page of ${quote(origin)} may not do this`);
  }
  const host = headers.get("host");
  if (!knowsHost(host)) {
    throw new OllaError(
      "forbidden",
      `Without an admin key, ask for this as localhost and not as ${quote(host ?? "")}`,
    );
  }
  if (!isLoopbackAddress(peerAddress) || forwardingHeaders.some((name) => headers.has(name))) {
    throw new OllaError(
      "forbidden",
      "Without an admin key (server.admin.key), only programs on the machine that Olla runs on may do this",
    );
  }
}

/** A client that made it up may have made it of any length. */
function quote(text: string): string {
  return `"${text.slice(0, 100)}"`;
}
