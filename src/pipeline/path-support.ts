import { openaiVersion } from "../endpoints/endpoint-url.ts";
import type { Profile } from "../profiles/profile.ts";

/** The kind whose paths are answered by every compatible backend that lists none of them, and whose route admits all. */
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
  const common = profiles.find((profile) => profile.name === openaiCompatibleKind)?.paths ?? [];
  const table = new Map<string, Set<string>>();
  for (const profile of profiles) {
    for (const path of [...answeredBy(profile), ...(isSilent(profile, common) ? common : [])]) {
      const known = table.get(path) ?? new Set();
      table.set(path, known.add(profile.name));
    }
  }
  return table;
}

/** Its own list, and the requests that are sent to it under OpenAI's own paths. */
function answeredBy({ paths, openaiBase }: Profile): readonly string[] {
  const mapped = paths.filter((path) => path.startsWith(`${openaiBase}/`));
  return [...paths, ...mapped.map((path) => openaiVersion + path.slice(openaiBase.length))];
}

/** Whether it speaks OpenAI's API but does not say which of it: then it may have all that is common. */
function isSilent(profile: Profile, common: readonly string[]): boolean {
  if (!profile.openaiCompatible) return false;
  const own = answeredBy(profile);
  return !common.some((path) => own.includes(path) && !path.endsWith("/models"));
}
