import type { Profile } from "../../profiles/profile.ts";
import { ownMark } from "./response-object.ts";

/**
 * llama.cpp, and what runs it: their events have no `sequence_number` and no `output_index`, which official clients
 * fail on, and `text.format`, `tool_choice` and the limit of an answer are lost on the way into their own chat completions.
 * Sources: https://github.com/ggml-org/llama.cpp/issues/20607, https://github.com/lemonade-sdk/lemonade/issues/3607
 */
const roughKinds: ReadonlySet<string> = new Set(["llamacpp", "docker-model-runner", "lemonade"]);

/**
 * Ollama puts the API into chat completions itself: it calls tools of groups back by names that the client does not
 * know, and keeps no response. It takes `previous_response_id` and answers as if nothing had been said before.
 */
const forgetfulKind = "ollama";

const otherTools = /"type"\s*:\s*"(?:namespace|custom|custom_tool_call)"/;
const goesOn = /"previous_response_id"\s*:\s*"/;
const isNotKept = /"store"\s*:\s*false/;
const goesOnFromOurs = new RegExp(`"previous_response_id"\\s*:\\s*"resp_${ownMark}`);
const ourItem = new RegExp(`"id"\\s*:\\s*"[a-z]+_${ownMark}`);

/**
 * For which kinds a request has to be translated although they know the API: what it refers to is here and nowhere
 * else, or it asks for what they cannot do. To be gone on from is such a thing, and without `store: false` every
 * request asks for it. Looks at the bytes only, because most requests are never parsed.
 */
export function findNativeLimits(body: Uint8Array): (profile: Profile) => boolean {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
  const refersToItems = text.includes('"item_reference"') && ourItem.test(text);
  if (refersToItems || goesOnFromOurs.test(text)) return () => true;
  const asksTooMuch = otherTools.test(text) || goesOn.test(text) || !isNotKept.test(text);
  return ({ name }) => roughKinds.has(name) || (asksTooMuch && name === forgetfulKind);
}
