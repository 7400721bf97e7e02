import { type BodyScan, scanBody } from "./body-scan.ts";
import type { Exchange } from "./exchange.ts";
import { isFormType, scanForm } from "./form-scan.ts";
import { readBoundary, scanMultipart } from "./multipart-scan.ts";
import type { ReadBody } from "./read-body.ts";

/** What a request asks for, as far as its body tells. */
export interface Inspection {
  /** The client's own spelling without space around it; undefined when the request names no model. */
  readonly model: string | undefined;
  readonly wantsStream: boolean;
  /** What `scan` speaks of, decompressed where it came compressed. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** The bytes as they came, where they came compressed: they go on like this unless something in them is replaced. */
  readonly compressed: Uint8Array<ArrayBuffer> | undefined;
  /** Undefined when there is no body; `isObject` is false when it is no JSON object. */
  readonly scan: BodyScan | undefined;
}

const nothingAsked: Inspection = Object.freeze({
  model: undefined,
  wantsStream: false,
  body: undefined,
  compressed: undefined,
  scan: undefined,
});

/**
 * Never fails: a body that cannot be understood is for the endpoint to judge.
 * @param withConversation whether it matters to whose conversation the request belongs
 */
export function inspectRequest(
  { request, upstreamPath, query }: Pick<Exchange, "request" | "upstreamPath" | "query">,
  { bytes, plain }: Pick<ReadBody, "bytes" | "plain">,
  withConversation: boolean,
): Inspection {
  if (plain === undefined) return inspectQuery(upstreamPath, query);
  const compressed = plain === bytes ? undefined : bytes;
  const inspection = inspect(plain, withConversation, request.headers);
  return compressed === undefined ? inspection : { ...inspection, compressed };
}

/**
 * A body that looks like a JSON object is one, whatever its Content-Type says: curl's `-d` calls it a form.
 * @param headers of the request; without them only JSON is understood
 */
export function inspect(
  body: Uint8Array<ArrayBuffer> | undefined,
  withConversation = false,
  headers?: Headers,
): Inspection {
  if (body === undefined) return nothingAsked;
  const json = scanBody(body, withConversation);
  const scan = json.isObject ? json : (scanFields(body, headers?.get("content-type") ?? "") ?? json);
  return {
    model: nonEmpty(scan.model?.value),
    wantsStream: scan.wantsStream,
    body,
    compressed: undefined,
    scan,
  };
}

function scanFields(body: Uint8Array, contentType: string): BodyScan | undefined {
  const boundary = readBoundary(contentType);
  if (boundary !== undefined) return scanMultipart(body, boundary);
  return isFormType(contentType) ? scanForm(body) : undefined;
}

/** A realtime session names its model where it is opened; no other path is read so. */
function inspectQuery(upstreamPath: string, query: string): Inspection {
  if (query === "" || !upstreamPath.endsWith("/v1/realtime")) return nothingAsked;
  return { ...nothingAsked, model: nonEmpty(new URLSearchParams(query).get("model")) };
}

function nonEmpty(name: string | null | undefined): string | undefined {
  return name?.trim() || undefined;
}
