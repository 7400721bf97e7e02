import type { GlobFilter } from "../lib/glob.ts";
import { endpointLabel, endpointsPath } from "./endpoints.ts";
import { valueAt } from "./key-list.ts";
import { isMapping } from "./problem.ts";

/** What a user wrote about one endpoint, as far as the profiles decide whether it makes sense. */
export interface EndpointDraft {
  readonly name: string;
  /** `undefined`: not a text, which has been reported. */
  readonly type: string | undefined;
  readonly headerNames: readonly string[];
}

/**
 * The parts of a configuration that are checked against profiles. They are there whatever else is wrong with it, so
 * that a user learns of every mistake at once.
 */
export interface ConfigDrafts {
  /** By their index in the file. */
  readonly endpoints: readonly EndpointDraft[];
  readonly profileFilter: GlobFilter;
}

/** @param tree file and environment together, unchecked */
export function readDrafts(tree: unknown): ConfigDrafts {
  const entries = valueAt(tree, endpointsPath);
  const filter = valueAt(tree, ["proxy", "profile_filter"]);
  return {
    endpoints: Array.isArray(entries) ? entries.map(readEndpoint) : [],
    profileFilter: {
      include: textsIn(valueAt(filter, ["include"])),
      exclude: textsIn(valueAt(filter, ["exclude"])),
    },
  };
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
