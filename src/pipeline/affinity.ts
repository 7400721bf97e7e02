import {
  type AffinityBody,
  type AffinityKey,
  type AffinitySettings,
  findAffinityKey,
  type IdentifyingMember,
  sessionHeader,
} from "../balancer/affinity-key.ts";
import type { StickyRequest } from "../balancer/sticky.ts";
import { toHeaderValue } from "../proxy/header-value.ts";
import type { ConversationSpans, Span } from "./body-scan.ts";
import { readBeginning } from "./conversation-beginning.ts";
import type { Exchange } from "./exchange.ts";
import type { Inspection } from "./inspect.ts";
import { createKeyFilter, scanMembers } from "./json-members.ts";

type AffinityRequest = Pick<Exchange, "request" | "clientAddress" | "upstreamPath" | "clientKey">;

export type FindAffinity = (exchange: AffinityRequest, inspection: Inspection) => AffinityKey | undefined;

/** Built only while sessions are sticky; then `inspect` has to be asked for the conversation, too. */
export function createAffinityFinder(settings: AffinitySettings): FindAffinity {
  return ({ request, clientAddress, upstreamPath, clientKey }, { model, body, scan }) =>
    findAffinityKey(
      {
        headers: request.headers,
        clientAddress,
        owner: clientKey?.name,
        model,
        body:
          body === undefined || scan?.conversation === undefined
            ? undefined
            : affinityBody(body, scan.conversation, isResponsesPath(upstreamPath)),
      },
      settings,
    );
}

/** What an answer says about its conversation; nothing before the first choice of an endpoint. */
export function stickyHeaders(sticky: StickyRequest | undefined): (readonly [name: string, value: string])[] {
  if (sticky?.outcome === undefined) return [];
  const headers: [string, string][] = [["X-Olla-Sticky-Session", sticky.outcome]];
  if (sticky.key === undefined) return headers;
  headers.push(["X-Olla-Sticky-Key-Source", sticky.key.source]);
  const { sessionId } = sticky.key;
  if (sessionId !== undefined) headers.push([sessionHeader, toHeaderValue(sessionId)]);
  return headers;
}

/** Whether answers on this path have an id that a later request can refer back to. */
export function isResponsesPath(upstreamPath: string): boolean {
  return upstreamPath.endsWith("/responses");
}

const responseIdPattern = /"id"\s*:\s*"(resp_[\w-]{1,200})"/;

/** So far into an answer its id is looked for: it stands in the first event, and near the beginning of a whole body. */
const maxIdSearchBytes = 16 * 1024;

/**
 * The id of an answer of the Responses API, out of its beginning, streamed or whole.
 * @param start as many bytes as are there when the answer is committed
 */
export function findResponseId(start: Uint8Array): string | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, maxIdSearchBytes));
  return responseIdPattern.exec(text.toString("latin1"))?.[1];
}

const userIdKeys = createKeyFilter(["user_id"]);
const quote = 0x22;
const openBrace = 0x7b;

function affinityBody(
  body: Uint8Array,
  spans: ConversationSpans,
  isInputConversation: boolean,
): AffinityBody {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return {
    identifier: (member) => textInside(text, findIdentifier(text, spans, member)),
    beginning: (maxBytes) => readBeginning(text, spans, { maxBytes, isInputConversation }),
  };
}

function findIdentifier(text: Buffer, spans: ConversationSpans, member: IdentifyingMember): Span | undefined {
  if (member !== "metadata.user_id") return spans.get(member);
  const metadata = spans.get("metadata");
  if (metadata === undefined || text[metadata.start] !== openBrace) return undefined;
  let userId: Span | undefined;
  scanMembers(text, metadata.start, userIdKeys, (key, start, end) => {
    if (key === "user_id") userId = { start, end };
  });
  return userId;
}

function textInside(text: Buffer, span: Span | undefined): Uint8Array | undefined {
  if (span === undefined || text[span.start] !== quote || span.end - span.start === 2) return undefined;
  return text.subarray(span.start + 1, span.end - 1);
}
