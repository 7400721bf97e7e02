import { displayAge } from "../models/listings/display-text.ts";

/** A share of 0 to 100: `0%`, `98.5%`, `100%`. */
export function formatPercent(percent: number): string {
  if (percent === 0 || percent === 100) return `${percent}%`;
  return `${percent.toFixed(1)}%`;
}

/** Milliseconds: `0ms`, `250ms`, `1.5s`. */
export function formatLatency(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  return whole >= 1000 ? `${(whole / 1000).toFixed(1)}s` : `${whole}ms`;
}

/** `12s`, `3m`, `2h`, `5d`, rounded down: nothing is older than it is said to be. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** How long ago a moment was: `3m ago`, `never`. Both in milliseconds since the epoch. */
export function formatAgo(moment: number | undefined, now: number): string {
  return moment === undefined ? "never" : displayAge(now - moment);
}

/** How far ahead a moment is: `in 20s`, `now`, `unknown`. Both in milliseconds since the epoch. */
export function formatUntil(moment: number | undefined, now: number): string {
  if (moment === undefined) return "unknown";
  return moment <= now ? "now" : `in ${formatSpan(moment - now)}`;
}

/** How long something has been running: `42s`, `1h 5m`, `3d 4h`. */
export function formatUptime(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  const hours = Math.floor(seconds / 3_600);
  if (hours < 24) return `${hours}h ${Math.floor((seconds % 3_600) / 60)}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** RFC 3339 with milliseconds, in UTC. */
export function formatTime(moment: number): string {
  return new Date(moment).toISOString();
}
