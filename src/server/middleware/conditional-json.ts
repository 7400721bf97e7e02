import type { Handler } from "hono";
import { fnv1a64Hex } from "../../lib/fnv.ts";
import type { Arrival } from "../arrival.ts";
import type { DirectEnv } from "../direct-env.ts";

/** A client that sends more than this in one header isn't worth parsing for. */
const maxParsedHeaderLength = 1024;
const minGzipBytes = 256;
const encoder = new TextEncoder();

/**
 * Members that change with time alone. Without them a poller gets 304 for as long as nothing happened. Every one is
 * the name of a member of a status body; free-form names (families of models) are never texts or numbers.
 */
const volatileMembers: ReadonlySet<string> = new Set([
  "timestamp",
  "uptime",
  "has_traffic",
  "last_check",
  "next_check",
  "health_check",
  "last_model_sync",
  "last_seen",
  "health_check_at",
  "next_check_at",
  "last_model_sync_at",
  "retry_in",
]);

/** Answers with the JSON of `render`, or with 304 where the client has it already, compressed where that pays. */
export function conditionalJson(
  render: (arrival: Arrival, query: URLSearchParams) => object,
): Handler<DirectEnv> {
  return (c) => {
    const body = render(c.env, new URLSearchParams(c.env.query));
    const etag = etagOf(body);
    const headers = new Headers({
      ETag: etag,
      "Cache-Control": "private, no-cache",
      "Content-Type": "application/json",
      Vary: "Accept-Encoding",
    });
    const requestHeaders = c.env.request.headers;
    if (matchesEtag(requestHeaders.get("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const plain = encoder.encode(JSON.stringify(body));
    const isCompressed =
      plain.byteLength >= minGzipBytes && acceptsGzip(requestHeaders.get("accept-encoding"));
    const bytes = isCompressed ? gzip(plain) : plain;
    if (isCompressed) headers.set("Content-Encoding", "gzip");
    headers.set("Content-Length", String(bytes.byteLength));
    return new Response(bytes, { headers });
  };
}

/** Fetched when first needed: an import would bring 4 MiB of streams into every idle process. */
export function gzip(plain: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(process.getBuiltinModule("node:zlib").gzipSync(plain));
}

/** Weak: the same for two bodies that differ only in what time alone changes. */
export function etagOf(body: object): string {
  const meaning = JSON.stringify(body, (name, value: unknown) => {
    const isScalar = typeof value !== "object" || value === null;
    return isScalar && volatileMembers.has(name) ? undefined : value;
  });
  return `W/"${BigInt(`0x${fnv1a64Hex(meaning)}`).toString(36)}"`;
}

/** Weak comparison with an `If-None-Match` header. */
export function matchesEtag(header: string | null, etag: string): boolean {
  if (header === null || header.length > maxParsedHeaderLength) return false;
  if (header.trim() === "*") return true;
  const wanted = withoutWeakness(etag);
  return header.split(",").some((candidate) => withoutWeakness(candidate.trim()) === wanted);
}

function withoutWeakness(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

/** Whether an `Accept-Encoding` header allows gzip: by name, else by `*`. */
export function acceptsGzip(header: string | null): boolean {
  if (header === null || header.length > maxParsedHeaderLength) return false;
  let anyAccepted = false;
  for (const entry of header.split(",")) {
    const [coding = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    const isAccepted = qualityOf(parameters) > 0;
    if (coding === "gzip" || coding === "x-gzip") return isAccepted;
    if (coding === "*") anyAccepted = isAccepted;
  }
  return anyAccepted;
}

function qualityOf(parameters: readonly string[]): number {
  const quality = parameters.find((parameter) => parameter.startsWith("q="));
  if (quality === undefined) return 1;
  const value = Number(quality.slice("q=".length));
  return Number.isNaN(value) ? 0 : value;
}
