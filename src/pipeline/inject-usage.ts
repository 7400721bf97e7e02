import type { Candidate } from "../balancer/balancer.ts";
import { streamFramingOf } from "../proxy/stream-kind.ts";
import type { Dispatch } from "./encode-attempt.ts";
import type { Forwarded } from "./forwarding.ts";
import { createKeyFilter, isLiteral, scanMembers } from "./json-members.ts";
import { skipSpace } from "./json-skip.ts";

/**
 * One request whose client does not ask for token counts: asks endpoints for them all the same, where they can give
 * them, and remembers whom it has asked.
 */
export class UsageInjection {
  readonly #path: string;
  readonly #asked = new Set<string>();

  /** @param upstreamPath behind the route's prefix */
  constructor(upstreamPath: string) {
    this.#path = upstreamPath;
  }

  /** Called for each attempt with what would go to the candidate. */
  addTo(dispatch: Dispatch, { endpoint }: Candidate): Dispatch {
    const { request } = dispatch;
    this.#asked.delete(endpoint.name);
    // A translation asks for what it needs by itself.
    if (dispatch.translated !== undefined) return dispatch;
    if (endpoint.profile.metrics?.streamUsagePaths.includes(this.#path) !== true) return dispatch;
    const body = request.body === undefined ? undefined : askForUsage(request.body);
    if (body === undefined) return dispatch;
    this.#asked.add(endpoint.name);
    const headers = new Headers(request.headers);
    // What is compressed could not be hidden from the client again.
    headers.set("accept-encoding", "identity");
    return { ...dispatch, request: { ...request, headers, body } };
  }

  /** Whether this answer is a stream that holds what only Olla has asked for. */
  isHiddenIn({ candidate, answer: { response } }: Forwarded): boolean {
    const { ok, headers } = response;
    const isPlain = (headers.get("content-encoding") ?? "identity").toLowerCase() === "identity";
    const isEventStream = streamFramingOf(headers.get("content-type")) === "sse";
    return ok && isPlain && isEventStream && this.#asked.has(candidate.endpoint.name);
  }
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const topLevelKeys = createKeyFilter(["stream", "stream_options"]);
const optionKeys = createKeyFilter(["include_usage"]);

/**
 * The same body with `stream_options.include_usage`. Undefined where that is not ours to add: the client has set it to
 * whatever, it wants no stream, or the body is no complete JSON object.
 */
export function askForUsage(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = skipSpace(bytes, 0);
  if (text[start] !== openBrace) return undefined;
  let wantsStream = false;
  let options: { readonly start: number; readonly end: number } | undefined;
  const end = scanMembers(text, start, topLevelKeys, (key, valueStart, valueEnd) => {
    // Of repeated keys the last counts.
    if (key === "stream") wantsStream = isLiteral(text, valueStart, valueEnd, "true");
    if (key === "stream_options") options = { start: valueStart, end: valueEnd };
  });
  if (end === -1 || skipSpace(bytes, end) !== bytes.length || !wantsStream) return undefined;
  if (options === undefined)
    return splice(bytes, end - 1, end - 1, ',"stream_options":{"include_usage":true}');
  return addOption(text, options);
}

function addOption(
  text: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
): Uint8Array<ArrayBuffer> | undefined {
  if (isLiteral(text, start, end, "null")) return splice(text, start, end, '{"include_usage":true}');
  if (text[start] !== openBrace) return undefined;
  let isSet = false;
  const optionsEnd = scanMembers(text, start, optionKeys, (key) => {
    isSet ||= key === "include_usage";
  });
  if (optionsEnd !== end || isSet) return undefined;
  const isEmpty = text[skipSpace(text, start + 1)] === closeBrace;
  return splice(text, start + 1, start + 1, `"include_usage":true${isEmpty ? "" : ","}`);
}

function splice(bytes: Uint8Array, start: number, end: number, text: string): Uint8Array<ArrayBuffer> {
  const inserted = encoder.encode(text);
  const result = new Uint8Array(bytes.byteLength - (end - start) + inserted.byteLength);
  result.set(bytes.subarray(0, start));
  result.set(inserted, start);
  result.set(bytes.subarray(end), start + inserted.byteLength);
  return result;
}

const encoder = new TextEncoder();
