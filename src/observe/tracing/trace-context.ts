// W3C Trace Context, level 2: who a request belongs to, as its caller says it and as the next one is told.

/** What a caller's `traceparent` says. */
export interface ParentContext {
  /** 32 hexadecimal digits in lower case, not all 0. */
  readonly traceId: string;
  /** 16 of them, not all 0. */
  readonly spanId: string;
  readonly flags: number;
}

export const sampledFlag = 1;
/** The trace id is random, so that a share of traces can be told by it. */
export const randomFlag = 2;
const knownFlags = sampledFlag | randomFlag;

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const noTrace = "0".repeat(32);
const noSpan = "0".repeat(16);
const lengthOfVersion00 = 55;

/** Undefined for what is none: then the caller began no trace that could be joined. */
export function parseTraceparent(header: string | null): ParentContext | undefined {
  if (header === null || header.length < lengthOfVersion00) return undefined;
  const parts = form.exec(header.trim());
  if (parts === null) return undefined;
  const [whole, version = "", traceId = "", spanId = "", flags = ""] = parts;
  if (version === "ff" || traceId === noTrace || spanId === noSpan) return undefined;
  // Only a later version may have more to say.
  if (version === "00" && whole.length !== lengthOfVersion00) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & knownFlags };
}

export function formatTraceparent({ traceId, spanId, flags }: ParentContext): string {
  return `00-${traceId}-${spanId}-0${flags & knownFlags}`;
}

const mostMembers = 32;
const longestState = 2048;
const key = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const value = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The list as it may be passed on; undefined where there is none, or a member of it is malformed or named twice. */
export function readTracestate(header: string | null): string | undefined {
  if (header === null || header.length > longestState) return undefined;
  const members = header
    .split(",")
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((member) => member !== "");
  if (members.length === 0 || members.length > mostMembers) return undefined;
  const seen = new Set<string>();
  for (const member of members) {
    const at = member.indexOf("=");
    const name = member.slice(0, at);
    if (at < 0 || seen.has(name) || !key.test(name) || !value.test(member.slice(at + 1))) return undefined;
    seen.add(name);
  }
  return members.join(",");
}
