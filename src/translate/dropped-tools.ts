/** Tells the client which of its tools no endpoint could run. */
export function droppedToolsHeader(names: readonly string[]): readonly (readonly [string, string])[] {
  if (names.length === 0) return [];
  const list = [...new Set(names)].map((name) => name.replace(/[^\w.:-]/g, "_")).join(", ");
  return [["X-Olla-Dropped-Tools", list.slice(0, 500)]];
}
