import { fnv1a64Hex } from "../lib/fnv.ts";

/** What `proxy.sticky_sessions.key_sources` may name. */
export const keySources = ["session_header", "prefix_hash", "auth_header", "ip"] as const;
export type KeySource = (typeof keySources)[number];

export function isKeySource(name: string): name is KeySource {
  return (keySources as readonly string[]).includes(name);
}

/**
 * Where a key came from. Those that are no `KeySource` are names that clients give their conversations on their own
 * account; they belong to `session_header` and are asked right after it, in this order.
 */
export type AffinitySource =
  | KeySource
  | "claude_session_header"
  | "prompt_cache_key"
  | "previous_response_id"
  | "metadata_user_id";

/** What a conversation is pinned by. A routing hint, not a secret and no proof of anything. */
export interface AffinityKey {
  readonly key: string;
  readonly source: AffinitySource;
  /** The client's own session id, only where `source` is `session_header`. */
  readonly sessionId?: string;
}

export interface AffinitySettings {
  /** The first that gives a key wins. */
  readonly sources: readonly KeySource[];
  /** 0 is the whole beginning. */
  readonly prefixHashBytes: number;
}

/** What a request tells about whose conversation it belongs to. */
export interface AffinityFacts {
  /** As received, credentials included. */
  readonly headers: Headers;
  /** The TCP peer, without port and brackets. */
  readonly clientAddress: string;
  /** The model or alias asked for, in any spelling. */
  readonly model: string | undefined;
  readonly body: AffinityBody | undefined;
  /** The name of the client's key: its conversations are its own. Undefined where no keys are configured. */
  readonly owner?: string | undefined;
}

export type IdentifyingMember = "prompt_cache_key" | "previous_response_id" | "metadata.user_id";

/** Looks into the body only when asked. */
export interface AffinityBody {
  /** What stands between the quotes of the string under this name; undefined when there is none, or nothing in it. */
  identifier(member: IdentifyingMember): Uint8Array | undefined;
  /**
   * The conversation's beginning, the same on every later turn: system text, then the messages through the user's
   * first. At most `maxBytes` of it, 0 being all. Undefined when the body holds no conversation.
   */
  beginning(maxBytes: number): Uint8Array | undefined;
}

/** The response header and request header that name a session; see `docs/configuration.md`. */
export const sessionHeader = "X-Olla-Session-ID";
const claudeSessionHeader = "X-Claude-Code-Session-Id";

/** A longer model name is hashed, so that the size of a key does not depend on what clients send. */
const maxModelLength = 256;

/** Called once per request, only while sessions are sticky. Undefined when nothing identifies the conversation. */
export function findAffinityKey(facts: AffinityFacts, settings: AffinitySettings): AffinityKey | undefined {
  const model = modelPart(facts.model);
  for (const source of settings.sources) {
    const found = findBySource(source, facts, model, settings);
    if (found !== undefined) return { ...found, key: ownKey(found.key, facts.owner) };
  }
  return undefined;
}

/**
 * The key under which a later request finds the endpoint that holds this answer of the Responses API.
 * @param owner as in `AffinityFacts`
 */
export function responseKey(
  responseId: string | Uint8Array,
  model: string | undefined,
  owner?: string | undefined,
): string {
  return ownKey(`response:${fnv1a64Hex(responseId)}:${modelPart(model)}`, owner);
}

/** Nobody's key is one of another owner, with whatever a model's name may end. */
function ownKey(key: string, owner: string | undefined): string {
  return owner === undefined ? key : `owner:${fnv1a64Hex(owner)}:${key}`;
}

function findBySource(
  source: KeySource,
  facts: AffinityFacts,
  model: string,
  settings: AffinitySettings,
): AffinityKey | undefined {
  switch (source) {
    case "session_header":
      return findByOwnName(facts, model);
    case "prefix_hash": {
      const beginning = facts.body?.beginning(settings.prefixHashBytes);
      if (beginning === undefined) return undefined;
      return { key: `${model.replaceAll(":", "_")}:${fnv1a64Hex(beginning)}`, source };
    }
    case "auth_header": {
      const credentials = facts.headers.get("authorization");
      return credentials ? { key: `auth:${fnv1a64Hex(credentials)}:${model}`, source } : undefined;
    }
    case "ip":
      return facts.clientAddress === "" ? undefined : { key: `ip:${facts.clientAddress}:${model}`, source };
  }
}

/** What the client itself calls the conversation, the most deliberate name first. */
function findByOwnName(
  { headers, body, model: asked }: AffinityFacts,
  model: string,
): AffinityKey | undefined {
  const sessionId = headers.get(sessionHeader);
  if (sessionId) return { key: `${fnv1a64Hex(sessionId)}:${model}`, source: "session_header", sessionId };
  const claudeId = headers.get(claudeSessionHeader);
  if (claudeId) return { key: `claude:${fnv1a64Hex(claudeId)}:${model}`, source: "claude_session_header" };
  const cacheKey = body?.identifier("prompt_cache_key");
  if (cacheKey) return { key: `cache:${fnv1a64Hex(cacheKey)}:${model}`, source: "prompt_cache_key" };
  const previous = body?.identifier("previous_response_id");
  if (previous) return { key: responseKey(previous, asked), source: "previous_response_id" };
  const userId = body?.identifier("metadata.user_id");
  if (userId) return { key: `user:${fnv1a64Hex(userId)}:${model}`, source: "metadata_user_id" };
  return undefined;
}

function modelPart(model: string | undefined): string {
  const name = model?.trim().toLowerCase() ?? "";
  return name.length > maxModelLength ? fnv1a64Hex(name) : name;
}
