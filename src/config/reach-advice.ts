import { hostname, networkInterfaces } from "node:os";
import { isLoopbackHost } from "../lib/loopback.ts";
import { valueAt } from "./key-list.ts";
import type { Notice } from "./notices.ts";
import type { KeyPath } from "./problem.ts";

/** By what else than `localhost` this machine can be reached, in lower case. */
export function readMachineNames(): ReadonlySet<string> {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return new Set([hostname().toLowerCase(), ...addresses.map(({ address }) => address.toLowerCase())]);
}

/**
 * Who can reach Olla, where that is seldom meant: everybody without a key, and Olla itself.
 * @param parsed what the schema made of the configuration, as far as it got
 */
export function findReachAdvice(parsed: unknown, machineNames: ReadonlySet<string>): Notice[] {
  const notices: Notice[] = [];
  const advise = (path: KeyPath, message: string) => notices.push({ kind: "advice", path, message });
  const host = valueAt(parsed, ["server", "host"]);
  if (typeof host !== "string") return notices;
  const bound = plainHost(host);
  const keys = valueAt(parsed, ["auth", "keys"]);
  if (!isLoopbackHost(bound) && !bound.startsWith("unix:") && Array.isArray(keys) && keys.length === 0) {
    advise(
      ["server", "host"],
      "whoever reaches this address may use every model, because auth.keys is empty; set keys, or listen on localhost",
    );
  }
  const ports = [valueAt(parsed, ["server", "port"]), valueAt(parsed, ["server", "admin", "port"])];
  const leadsHere = (url: URL) =>
    ports.includes(portOf(url)) && isReachedBy(plainHost(url.hostname), bound, machineNames);
  const endpointsPath = ["discovery", "static", "endpoints"];
  const endpoints = valueAt(parsed, endpointsPath);
  for (const [index, endpoint] of (Array.isArray(endpoints) ? endpoints : []).entries()) {
    const text = valueAt(endpoint, ["url"]);
    const url = typeof text === "string" ? URL.parse(text) : null;
    if (url === null || !leadsHere(url)) continue;
    advise(
      [...endpointsPath, index, "url"],
      "this is Olla's own address: its requests would come back to it",
    );
  }
  return notices;
}

const everyAddress = ["0.0.0.0", "::", ""];

/** Whether a connection to a host of an endpoint would end at our listener, given that the ports are the same. */
function isReachedBy(host: string, bound: string, machineNames: ReadonlySet<string>): boolean {
  const isLocal = isLoopbackHost(host) || everyAddress.includes(host);
  if (everyAddress.includes(bound)) return isLocal || machineNames.has(host);
  return isLoopbackHost(bound) ? isLocal : host === bound;
}

function plainHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}
