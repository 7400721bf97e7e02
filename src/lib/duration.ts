const millisecondsPer = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
} as const;

const onePart = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * Reads a duration as Go writes it (`1h30m`, `1.5s`, `500ms`, optional sign, bare `0`) into milliseconds.
 * @returns `undefined` for anything else, numbers without a unit included.
 */
export function parseDuration(text: string): number | undefined {
  const isNegative = text.startsWith("-");
  const unsigned = isNegative || text.startsWith("+") ? text.slice(1) : text;
  if (unsigned === "0") return 0;
  if (unsigned === "") return undefined;
  let total = 0;
  let end = 0;
  for (const part of unsigned.matchAll(onePart)) {
    total += Number(part[1]) * millisecondsPer[part[2] as keyof typeof millisecondsPer];
    end = part.index + part[0].length;
  }
  if (end !== unsigned.length || !Number.isFinite(total)) return undefined;
  return isNegative && total !== 0 ? -total : total;
}

/** Writes milliseconds so that `parseDuration` reads the same value back: `0s`, `90ms`, `1.5s`, `1h30m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const sign = milliseconds < 0 ? "-" : "";
  const size = Math.abs(milliseconds);
  if (size < 0.001) return `${sign}${trimFraction(size * 1e6)}ns`;
  if (size < 1) return `${sign}${trimFraction(size * 1000)}us`;
  if (size < 1000) return `${sign}${trimFraction(size)}ms`;
  const hours = Math.floor(size / millisecondsPer.h);
  const minutes = Math.floor((size % millisecondsPer.h) / millisecondsPer.m);
  const seconds = trimFraction((size % millisecondsPer.m) / 1000);
  const parts = [hours > 0 ? `${hours}h` : "", minutes > 0 ? `${minutes}m` : ""];
  return sign + parts.join("") + (seconds === "0" ? "" : `${seconds}s`);
}

/** Nanoseconds are the grammar's limit, so nine decimals lose nothing and hide binary rounding. */
function trimFraction(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/, "");
}
