import * as v from "valibot";
import type { GlobFilter } from "../lib/glob.ts";
import { endpointLabel, endpointsPath } from "./endpoints.ts";
import { valueAt } from "./key-list.ts";
import { isMapping } from "./problem.ts";
import { configSchema } from "./schema.ts";

/** What a user wrote about one endpoint, as far as the profiles decide whether it makes sense. */
export interface EndpointDraft {
  readonly name: string;
  /** `undefined`: not a text, which has been reported. */
  readonly type: string | undefined;
  readonly headerNames: readonly string[];
}

/** Where Olla would listen, as far as it can be told: what is wrong or left out is as usual. */
export interface ListenerDraft {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number | undefined;
  readonly hasTls: boolean;
}

/**
 * The parts of a configuration that are wanted whatever else is wrong with it: those that are checked against profiles, so
 * that a user learns of every mistake at once, and where an Olla is that runs on while its file is broken.
 */
export interface ConfigDrafts {
  readonly listener: ListenerDraft;
  /** By their index in the file. */
  readonly endpoints: readonly EndpointDraft[];
  readonly profileFilter: GlobFilter;
}

/** @param tree file and environment together, unchecked */
export function readDrafts(tree: unknown): ConfigDrafts {
  const entries = valueAt(tree, endpointsPath);
  const filter = valueAt(tree, ["proxy", "profile_filter"]);
  return {
    // Read when somebody asks, which `olla serve` does not.
    get listener() {
      return readListener(valueAt(tree, ["server"]));
    },
    endpoints: Array.isArray(entries) ? entries.map(readEndpoint) : [],
    profileFilter: {
      include: textsIn(valueAt(filter, ["include"])),
      exclude: textsIn(valueAt(filter, ["exclude"])),
    },
  };
}

function readListener(server: unknown): ListenerDraft {
  const usual = v.parse(configSchema, {}).server;
  const host = valueAt(server, ["host"]);
  const port = valueAt(server, ["port"]);
  const adminPort = valueAt(server, ["admin", "port"]);
  return {
    host: typeof host === "string" ? host : usual.host,
    port: isPort(port) ? port : usual.port,
    adminPort: isPort(adminPort) ? adminPort : undefined,
    hasTls: typeof valueAt(server, ["tls", "cert"]) === "string",
  };
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= 65535;
}

function readEndpoint(entry: unknown, index: number): EndpointDraft {
  const type = valueAt(entry, ["type"]) ?? "auto";
  const headers = valueAt(entry, ["headers"]);
  return {
    name: endpointLabel(entry) ?? `number ${index + 1}`,
    type: typeof type === "string" ? type : undefined,
    headerNames: isMapping(headers) ? Object.keys(headers) : [],
  };
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
