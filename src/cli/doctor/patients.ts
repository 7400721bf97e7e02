import { defaultEndpoint, endpointsPath } from "../../config/endpoints.ts";
import { readTextFile } from "../../config/find-file.ts";
import { valueAt } from "../../config/key-list.ts";
import { type ConfigProblem, formatProblem } from "../../config/problem.ts";
import { type BuiltEndpoints, buildEndpoints, endpointSettings } from "../../endpoints/build-endpoints.ts";
import type { Clock } from "../../lib/clock.ts";
import { localPorts, searchLocalEndpoints } from "../../models/local-search.ts";
import type { ProfileSet } from "../../profiles/profile-set.ts";
import { type Preparation, prepare } from "../preparation.ts";
import type { Terminal } from "../terminal.ts";
import { describeCredential } from "./refused-key.ts";
import type { Patient } from "./step.ts";

/** Which endpoints are to be examined. */
export interface Selection {
  /** Names of configured ones; all where empty. */
  readonly names: readonly string[];
  /** One that is not configured. */
  readonly url: string | undefined;
  readonly type: string | undefined;
  readonly tokenFile: string | undefined;
}

export interface Found {
  readonly patients: readonly Patient[];
  readonly profiles: ProfileSet;
  /** Why there are none, or not those that were asked for. */
  readonly obstacles: readonly string[];
}

export async function findPatients(
  selection: Selection,
  configPath: string | undefined,
  { env, cwd }: Pick<Terminal, "env" | "cwd">,
  { clock, version }: { readonly clock: Clock; readonly version: string },
): Promise<Found> {
  const prepared =
    selection.url === undefined
      ? await prepare({ configPath, env, cwd })
      : await prepareAlone(selection, cwd);
  const { loaded, profiles } = prepared;
  const errors = prepared.problems.filter(({ severity }) => severity === "error");
  if (loaded.config === undefined || errors.length > 0) {
    return { patients: [], profiles: profiles.profiles, obstacles: errors.map(describeProblem(selection)) };
  }
  const built = prepared.endpoints ?? (await searchHere(prepared, clock, version));
  const entries = valueAt(loaded.written, endpointsPath);
  const all = built.endpoints.map(
    (endpoint, index): Patient => ({
      endpoint,
      credential: describeCredential(Array.isArray(entries) ? entries[index] : undefined),
      withKind: built.withProfile,
    }),
  );
  const isSearched = prepared.endpoints === undefined;
  return { ...choose(all, selection.names, isSearched), profiles: profiles.profiles };
}

/** The flags are read as an entry of a configuration is, so that they are judged in the same words. */
function prepareAlone({ url, type, tokenFile }: Selection, cwd: string): Promise<Preparation> {
  const auth = tokenFile === undefined ? {} : { auth: { type: "bearer", token_file: tokenFile } };
  const entry = { url, type: type ?? "auto", ...auth };
  const text = JSON.stringify({ discovery: { static: { endpoints: [entry] } } });
  return prepare({
    configPath: flagsPath,
    // None of its variables is about an endpoint.
    env: {},
    cwd,
    readFile: async (path) => (path.endsWith(flagsPath) ? text : await readTextFile(path)),
  });
}

const flagsPath = "the flags of olla doctor";

function describeProblem({ url }: Selection): (problem: ConfigProblem) => string {
  return (problem) => (url === undefined ? formatProblem(problem) : problem.message);
}

/** What `olla serve` would find without a configuration. */
async function searchHere(
  { loaded, profiles }: Preparation,
  clock: Clock,
  version: string,
): Promise<BuiltEndpoints> {
  if (loaded.config === undefined) throw new Error("a search needs the settings of a configuration");
  const reports = await searchLocalEndpoints({
    ports: localPorts(profiles.profiles.all),
    timeoutMs: searchMs,
    clock,
    version,
  });
  const found = reports.flatMap((report) => report.found ?? []);
  return buildEndpoints(
    found.map(({ name, url, profileName }) => defaultEndpoint({ name, url, type: profileName })),
    endpointSettings(loaded.config, profiles.profiles, loaded.isSet),
  );
}

const searchMs = 2_000;

function choose(
  all: readonly Patient[],
  names: readonly string[],
  isSearched: boolean,
): Pick<Found, "patients" | "obstacles"> {
  const known = all.map(({ endpoint }) => endpoint.name);
  const strangers = names.filter((name) => !known.includes(name));
  const patients = names.length === 0 ? all : all.filter(({ endpoint }) => names.includes(endpoint.name));
  const obstacles = strangers.map((name) => {
    return `no endpoint is called "${name}"; there are ${known.length === 0 ? "none" : known.join(", ")}`;
  });
  if (all.length === 0 && names.length === 0) {
    obstacles.push(
      isSearched
        ? "no endpoint is configured, and none of the usual ports of this machine has a server: start one, or write a configuration with `olla init`"
        : "no endpoint is configured: the list discovery.static.endpoints is empty",
    );
  }
  return { patients, obstacles };
}
