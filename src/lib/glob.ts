import picomatch from "picomatch";

export interface GlobFilter {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/**
 * Compiles a name filter. `*` stands for any run of characters, `/` included, at any place and any number of times;
 * every other character is itself; case is ignored. Exclude wins over include, and no include admits everything.
 */
export function compileGlobs(filter: GlobFilter): (name: string) => boolean {
  const isIncluded = compileAny(filter.include ?? []);
  const isExcluded = compileAny(filter.exclude ?? []);
  return (name) => (isIncluded === undefined || isIncluded(name)) && isExcluded?.(name) !== true;
}

/** Whether a pattern can be compiled and can match anything. */
export function isGlob(pattern: string): boolean {
  return pattern.trim() !== "";
}

function compileAny(patterns: readonly string[]): ((name: string) => boolean) | undefined {
  const usable = patterns.filter(isGlob);
  if (usable.length === 0) return undefined;
  if (usable.some((pattern) => /^\*+$/.test(pattern.trim()))) return () => true;
  const matchers = usable.map((pattern) => picomatch(escapeAllButStar(pattern.trim()), globOptions));
  return (name) => matchers.some((matches) => matches(name));
}

// `bash` lets `*` cross "/": model names such as "hf.co/org/name" are one name to a user, not a path. The fast paths
// know a few patterns by heart, as patterns of paths: there "*/*" wants something after the slash.
const globOptions = {
  bash: true,
  nocase: true,
  dot: true,
  nonegate: true,
  noextglob: true,
  nobrace: true,
  fastpaths: false,
};

/** Brackets, parentheses and `?` occur in model names and are no wildcards here; `**` means the same as `*`. */
function escapeAllButStar(pattern: string): string {
  return pattern.replace(/\*+/g, "*").replace(/[^\w*\s/:-]/g, "\\$&");
}
