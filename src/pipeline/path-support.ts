import type { Profile } from "../profiles/profile.ts";

/** The kind whose paths every OpenAI-compatible backend is taken to answer, and whose route admits all of them. */
export const openaiCompatibleKind = "openai-compatible";

/** Which kinds of backend answer which paths. Built once from the profiles. */
export interface PathSupport {
  /** Names of the profiles that answer the path; undefined when no profile knows it, which constrains nothing. */
  supportedBy(path: string): ReadonlySet<string> | undefined;
  supports(profileName: string, path: string): boolean;
}

export function createPathSupport(profiles: readonly Profile[]): PathSupport {
  const table = buildTable(profiles);
  // Every path ends with "/" in spirit; as a suffix it would say nothing.
  const suffixes = [...table].filter(([path]) => path !== "/");

  const supportedBy = (path: string): ReadonlySet<string> | undefined => {
    const exact = table.get(path);
    if (exact !== undefined) return exact;
    let supporting: Set<string> | undefined;
    for (const [suffix, names] of suffixes) {
      if (!path.endsWith(suffix)) continue;
      supporting = supporting === undefined ? new Set(names) : supporting.union(names);
    }
    return supporting;
  };
  return { supportedBy, supports: (name, path) => supportedBy(path)?.has(name) ?? true };
}

function buildTable(profiles: readonly Profile[]): ReadonlyMap<string, ReadonlySet<string>> {
  const compatible = profiles.filter((profile) => profile.openaiCompatible).map((profile) => profile.name);
  const table = new Map<string, Set<string>>();
  for (const profile of profiles) {
    const names = profile.name === openaiCompatibleKind ? [profile.name, ...compatible] : [profile.name];
    for (const path of profile.paths) {
      const known = table.get(path) ?? new Set();
      for (const name of names) known.add(name);
      table.set(path, known);
    }
  }
  return table;
}
