import type { Profile } from "../../profiles/profile.ts";
import { ownMark } from "./response-object.ts";

/**
 * Kinds that put the API into chat completions themselves and lose groups of tools and free-text tools on the way: they
 * leave them out, or call them back by names that the client does not know.
 */
const functionsOnlyKinds: ReadonlySet<string> = new Set([
  "ollama",
  "llamacpp",
  "docker-model-runner",
  "lemonade",
]);

/** Kinds that keep no response: one takes `previous_response_id` and answers as if nothing had been said before. */
const forgetfulKinds: ReadonlySet<string> = new Set(["ollama", "llamacpp"]);

const otherTools = /"type"\s*:\s*"(?:namespace|custom|custom_tool_call)"/;
const goesOn = /"previous_response_id"\s*:\s*"/;
const goesOnFromOurs = new RegExp(`"previous_response_id"\\s*:\\s*"resp_${ownMark}`);
const ourItem = new RegExp(`"id"\\s*:\\s*"[a-z]+_${ownMark}`);

/**
 * For which kinds a request has to be translated although they know the API: what it refers to is here and nowhere
 * else, or it asks for what they cannot do. Looks at the bytes only, because most requests are never parsed.
 */
export function findNativeLimits(body: Uint8Array): (profile: Profile) => boolean {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
  const refersToItems = text.includes('"item_reference"') && ourItem.test(text);
  if (refersToItems || goesOnFromOurs.test(text)) return () => true;
  const hasOtherTools = otherTools.test(text);
  const isContinued = goesOn.test(text);
  return ({ name }) =>
    (hasOtherTools && functionsOnlyKinds.has(name)) || (isContinued && forgetfulKinds.has(name));
}
