import { formatDuration } from "../lib/duration.ts";

/** `950`, `12.3k`, `1.2M`: at most five characters. */
export function formatCount(count: number): string {
  if (count < 10_000) return String(Math.round(count));
  for (const [unit, letter] of [
    [1e3, "k"],
    [1e6, "M"],
    [1e9, "G"],
  ] as const) {
    const value = count / unit;
    if (value < 99.95) return `${value.toFixed(1)}${letter}`;
    if (value < 999.5) return `${Math.round(value)}${letter}`;
  }
  return "a lot";
}

/** Milliseconds: `0ms`, `850ms`, `4.2s`, `2m5s`, `3h20m`. */
export function formatMs(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)}ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 99.95) return `${seconds.toFixed(1)}s`;
  const step = seconds < 3600 ? 1_000 : 60_000;
  return formatDuration(Math.round(milliseconds / step) * step);
}

/** Milliseconds, in whole seconds: `0s`, `12s`, `3m5s`. */
export function formatSeconds(milliseconds: number): string {
  return formatDuration(Math.round(milliseconds / 1000) * 1000);
}

/** Per second: `0`, `0.4`, `12`, `1500`. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 0.05) return "<0.1";
  return perSecond < 10 ? perSecond.toFixed(1) : formatCount(perSecond);
}

/** A number and its thing: `1 model`, `12 models`. */
export function formatAmount(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}
