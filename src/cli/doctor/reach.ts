import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isLoopbackHost } from "../../lib/loopback.ts";
import { classifyNetworkError } from "../../lib/network-error.ts";
import { type ExaminationOptions, hostOf, inTime, type Patient, placeOf, portOf, type Step } from "./step.ts";

/** @returns `undefined` for an address, which needs no look-up */
export async function examineName(
  { endpoint }: Patient,
  options: ExaminationOptions,
): Promise<Step | undefined> {
  const host = hostOf(endpoint);
  if (isIP(host) !== 0) return undefined;
  const startedAt = options.clock.now();
  const took = () => ({ tookMs: options.clock.now() - startedAt });
  try {
    const found = await inTime(lookup(host, { all: true }), options.stepMs, options.clock);
    const addresses = found.map(({ address }) => address);
    return { name: "dns", verdict: "well", text: addresses.join(", "), ...took() };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const text = isLate ? `no answer to the question for ${host}` : `nobody knows the name ${host}`;
    return { name: "dns", verdict: "wrong", text, cure: cureForName(host, options), ...took() };
  }
}

function cureForName(host: string, { surroundings }: ExaminationOptions): string {
  if (host === "host.docker.internal") {
    return surroundings.isInContainer
      ? "start the container with --add-host host.docker.internal:host-gateway (compose: extra_hosts)"
      : "this name is for containers; here it is localhost";
  }
  if (host.endsWith(".local")) {
    return "names in .local need mDNS on this machine (Avahi, Bonjour), which containers lack; or write the address";
  }
  const inContainer = surroundings.isInContainer
    ? "; in a container, only names of its own network and of public DNS are known"
    : "";
  return `look for a typo, or write the address in the place of the name${inContainer}`;
}

export async function examineConnection(patient: Patient, options: ExaminationOptions): Promise<Step> {
  const { clock } = options;
  const host = hostOf(patient.endpoint);
  const port = portOf(patient.endpoint);
  const limitMs = Math.min(patient.endpoint.timeouts.connectMs || options.stepMs, options.stepMs);
  const startedAt = clock.now();
  const took = () => ({ tookMs: clock.now() - startedAt });
  const failure = await tryConnecting(host, port, limitMs, clock);
  if (failure === undefined) {
    return { name: "connect", verdict: "well", text: `port ${port} is open`, ...took() };
  }
  if (failure === "connect_refused") {
    const cure = await cureForRefusal(patient, options);
    return {
      name: "connect",
      verdict: "wrong",
      text: `nothing listens at ${placeOf(patient.endpoint)}`,
      cure,
      ...took(),
    };
  }
  const text =
    failure === "unreachable"
      ? `there is no way to ${host}`
      : `${host} does not answer at port ${port} (waited ${Math.round(limitMs / 100) / 10} s)`;
  const proxies = options.surroundings.proxyVariables;
  const cure =
    proxies.length === 0
      ? "is the machine on, is the address right, and does a firewall let this port through?"
      : `is the machine on, and can it be reached without the proxy that ${proxies.join(", ")} names?`;
  return { name: "connect", verdict: "wrong", text, cure, ...took() };
}

/** @returns what went wrong, `undefined` for nothing */
async function tryConnecting(
  host: string,
  port: number,
  limitMs: number,
  clock: ExaminationOptions["clock"],
): Promise<string | undefined> {
  const socket = { data() {}, error() {} };
  const connecting = Bun.connect({ hostname: host, port, socket });
  try {
    (await inTime(connecting, limitMs, clock)).end();
    return undefined;
  } catch (error) {
    connecting.then(
      (late) => late.end(),
      () => {},
    );
    return classifyNetworkError(error);
  }
}

/** Somebody is at the address, and at this port nobody listens for it. */
async function cureForRefusal(patient: Patient, options: ExaminationOptions): Promise<string> {
  const { endpoint } = patient;
  const { surroundings } = options;
  const host = hostOf(endpoint);
  const port = portOf(endpoint);
  const isOllama = endpoint.profile.name === "ollama" || port === 11_434;
  const opening = isOllama
    ? "set OLLAMA_HOST=0.0.0.0 where Ollama starts, and start it again"
    : "start the server with --host 0.0.0.0, or what it calls that";
  if (isLoopbackHost(host)) {
    return surroundings.isInContainer
      ? `this is a container, and ${host} is the container itself: for a server of its host write http://host.docker.internal:${port}`
      : `start the server, or correct the port in url; \`olla init\` looks at the usual ones`;
  }
  if (surroundings.ownAddresses.includes(host)) {
    const failure = await tryConnecting("127.0.0.1", port, options.stepMs, options.clock);
    if (failure === undefined) {
      return `it listens on 127.0.0.1 of this machine only: write http://127.0.0.1:${port}, or ${opening}`;
    }
  }
  const usual = isOllama ? "; unless it is told otherwise, Ollama answers its own machine only" : "";
  return `is the server running there, and for other machines?${usual}: ${opening}`;
}
