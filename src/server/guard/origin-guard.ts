import { isLoopbackHost } from "../../lib/loopback.ts";
import type { Arrival } from "../arrival.ts";

/** Pages of programs on the client's machine, which no web site can pretend to be. */
const programSchemes: ReadonlySet<string> = new Set([
  "app:",
  "file:",
  "tauri:",
  "vscode-webview:",
  "vscode-file:",
]);

/** Whether a page is a program's own, or was served from the client's own machine. `null`, which any page can have, is not. */
export function isLocalOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  return url !== null && (programSchemes.has(url.protocol) || isLoopbackHost(url.hostname));
}

/**
 * The web page of another site behind a request, or undefined: for programs, which send no `Origin`, for pages of ours, for
 * local ones and for those that may call.
 * @param mayCall by what CORS says; undefined where it is off
 */
export function findForeignPage(
  arrival: Arrival,
  mayCall: ((origin: string) => boolean) | undefined,
): string | undefined {
  const { headers, method } = arrival.request;
  const origin = headers.get("origin");
  if (origin === null) {
    // Browsers name the page in everything that may change something, but not where it only wants a picture or a script.
    if (method !== "GET" && method !== "HEAD") return undefined;
    return headers.get("sec-fetch-site") === "cross-site" && headers.get("sec-fetch-mode") !== "navigate"
      ? "another site"
      : undefined;
  }
  if (isLocalOrigin(origin) || isOurs(origin, arrival) || mayCall?.(origin) === true) return undefined;
  // Any client can make one up, of any length.
  return `"${origin.slice(0, 100)}"`;
}

/** Whether a page was loaded from where its request went to, by the name that its browser knows. */
function isOurs(origin: string, { request: { headers }, trustedForwarding }: Arrival): boolean {
  const page = URL.parse(origin);
  if (page === null || (page.protocol !== "http:" && page.protocol !== "https:")) return false;
  const isSame = (host: string | null) =>
    host !== null && host !== "" && URL.parse(`${page.protocol}//${host}`)?.host === page.host;
  if (isSame(headers.get("host"))) return true;
  // A proxy in front may have its own idea of `Host`.
  return trustedForwarding !== undefined && isSame(headers.get("x-forwarded-host"));
}
