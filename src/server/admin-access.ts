import { OllaError } from "../errors.ts";
import type { Arrival } from "./arrival.ts";

/** What a proxy on the way adds: the request comes from elsewhere, whatever its connection says. */
const forwardingHeaders = ["x-forwarded-for", "x-real-ip", "forwarded"] as const;

/** Pages of programs on this machine, which no web site can pretend to be. */
const programSchemes: ReadonlySet<string> = new Set(["app:", "file:", "tauri:", "vscode-webview:"]);

/**
 * For whatever changes something: only programs on this machine may, and no web page that is open in a browser on it.
 * @throws OllaError forbidden
 */
export function requireLocalCaller({ request, peerAddress }: Arrival): void {
  const { headers } = request;
  const origin = headers.get("origin");
  if (origin !== null && !isLocalOrigin(origin)) {
    throw new OllaError(
      "forbidden",
      `This changes something, and a page of ${quote(origin)} may not do that`,
    );
  }
  if (!isLoopback(peerAddress) || forwardingHeaders.some((name) => headers.has(name))) {
    throw new OllaError(
      "forbidden",
      "This changes something, and only programs on the machine that Olla runs on may do that",
    );
  }
}

function isLocalOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  if (url === null) return false;
  if (programSchemes.has(url.protocol)) return true;
  return url.hostname === "localhost" || isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"));
}

/** `127.0.0.0/8` or `::1`, as addresses are written. */
function isLoopback(address: string): boolean {
  return address === "::1" || /^127(?:\.\d{1,3}){3}$/.test(address);
}

/** An origin that a client made up may be of any length. */
function quote(origin: string): string {
  return `"${origin.slice(0, 100)}"`;
}
