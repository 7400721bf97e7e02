/**
 * The names that someone who typed `wanted` may have meant, best first: a typo of a letter in three or so, or a
 * name that begins with what was typed. Case is ignored. Empty when nothing is plausible.
 */
export function nearestNames(wanted: string, names: Iterable<string>, limit: number): string[] {
  const target = wanted.toLowerCase();
  if (target === "") return [];
  const scored: { name: string; distance: number }[] = [];
  for (const name of new Set(names)) {
    const distance = plausibleDistance(target, name.toLowerCase());
    if (distance !== undefined) scored.push({ name, distance });
  }
  scored.sort((left, right) => left.distance - right.distance || compareText(left.name, right.name));
  return scored.slice(0, limit).map((entry) => entry.name);
}

function plausibleDistance(wanted: string, name: string): number | undefined {
  const longer = Math.max(wanted.length, name.length);
  const allowed = Math.max(1, Math.floor(longer / 3));
  if (Math.abs(wanted.length - name.length) <= allowed) {
    const distance = editDistance(wanted, name);
    if (distance <= allowed && distance < longer) return distance;
  }
  // A shortened name ("llama3" for "llama3:latest") is a likelier slip than its distance says.
  const shorter = Math.min(wanted.length, name.length);
  if (shorter >= 3 && (name.startsWith(wanted) || wanted.startsWith(name))) return allowed + 1;
  return undefined;
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Damerau-Levenshtein (optimal string alignment): insert, delete, replace or swap two neighbours cost one each. Case counts. */
export function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (isSwap) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
