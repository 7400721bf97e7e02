/**
 * One of `items`, each as often as its weight says; evenly when all weights are 0.
 * @param random in [0, 1)
 */
export function chooseByWeight<T>(
  items: readonly [T, ...T[]],
  weightOf: (item: T) => number,
  random: () => number,
): T {
  if (items.length === 1) return items[0];
  let total = 0;
  for (const item of items) total += weightOf(item);
  if (total <= 0) return items[Math.floor(random() * items.length)] ?? items[0];
  let rest = random() * total;
  for (const item of items) {
    rest -= weightOf(item);
    if (rest < 0) return item;
  }
  return items.at(-1) ?? items[0];
}
