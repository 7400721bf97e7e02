const byteUnits = ["KB", "MB", "GB", "TB", "PB"] as const;

/** `380 B`, `1.20 GB`: steps of 1024, two decimals. */
export function displayBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(2)} ${byteUnits[unit]}`;
}

/** `5s ago`, `3m ago`, `2h ago`, `1d ago`, rounded down. */
export function displayAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}
