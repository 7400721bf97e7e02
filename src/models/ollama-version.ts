/**
 * What is said where no Ollama can be asked: the version whose API Olla was checked against. Clients refuse what is
 * too old (VS Code below 0.6.4, Codex below 0.13.4).
 */
export const spokenOllamaVersion = "0.32.15";

/** The smallest of the versions, because a client may be sent to any of them. Builds without a number say 0.0.0. */
export function smallestVersion(versions: readonly string[]): string | undefined {
  const numbered = versions.filter((version) => /^\d+\.\d+/.test(version) && !version.startsWith("0.0.0"));
  return numbered.toSorted(compareVersions)[0];
}

function compareVersions(left: string, right: string): number {
  const [ours, theirs] = [numbersOf(left), numbersOf(right)];
  for (let index = 0; index < Math.max(ours.length, theirs.length); index += 1) {
    const difference = (ours[index] ?? 0) - (theirs[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Without what follows a hyphen (`0.13.0-rc1`). */
function numbersOf(version: string): number[] {
  const [release = ""] = version.split("-", 1);
  return release.split(".").map((part) => Number.parseInt(part, 10) || 0);
}
