/** Numbers and times as the page writes them. */

export function formatNumber(value: number): string {
  if (value >= 10_000)
    return Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

export function formatMs(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "–";
  if (milliseconds === 0) return "0 ms";
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  return formatSpan(milliseconds);
}

/** `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return join(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return join(hours, "h", minutes % 60, "min");
  return join(Math.floor(hours / 24), "d", hours % 24, "h");
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

export function formatAgo(moment: string | undefined, now: number): string {
  if (moment === undefined) return "never";
  return `${formatSpan(now - Date.parse(moment))} ago`;
}

/** Time of day on the reader's clock. */
export function formatTime(moment: number | string): string {
  return new Date(moment).toLocaleTimeString("en-GB", { hour12: false });
}

export function formatContext(tokens: number): string {
  return tokens >= 1024 && tokens % 1024 === 0 ? `${tokens / 1024}k` : formatNumber(tokens);
}

/** `connect_refused` as people say it. */
export function inWords(code: string): string {
  return code.replaceAll("_", " ");
}
