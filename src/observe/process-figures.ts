import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What this process takes. What cannot be known here is missing. */
export interface ProcessFigures {
  readonly pid: number;
  readonly residentBytes: number;
  /** The part of it that is no file: what would have to be swapped out. Linux only. */
  readonly anonymousBytes: number | undefined;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  /** Held outside of the heap by things in it. */
  readonly externalBytes: number;
  readonly arrayBufferBytes: number;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  /** Linux only, and so is the next. */
  readonly openFiles: number | undefined;
  readonly openSockets: number | undefined;
  readonly threads: number | undefined;
}

export function readProcessFigures(): ProcessFigures {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const status = readText("/proc/self/status");
  const files = openFiles();
  const anonymousKilobytes = fieldOf(status, "RssAnon");
  return {
    pid: process.pid,
    residentBytes: rss,
    anonymousBytes: anonymousKilobytes === undefined ? undefined : anonymousKilobytes * 1024,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    arrayBufferBytes: arrayBuffers,
    cpuUserSeconds: user / 1e6,
    cpuSystemSeconds: system / 1e6,
    startedAt: performance.timeOrigin / 1000,
    openFiles: files?.length,
    openSockets: files?.filter(isSocket).length,
    threads: fieldOf(status, "Threads"),
  };
}

function fieldOf(status: string | undefined, name: string): number | undefined {
  const digits = status?.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function openFiles(): readonly string[] | undefined {
  try {
    return readdirSync("/proc/self/fd");
  } catch {
    return undefined;
  }
}

/** One that was closed since the list was read is none. */
function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
