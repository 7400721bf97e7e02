import { join } from "node:path";
import { builtinProfiles } from "../../../src/profiles/builtin.ts";
import { createAnthropicApi } from "../../../src/translate/anthropic/anthropic-api.ts";
import type { Translation, TranslationTarget } from "../../../src/translate/client-api.ts";
import { type AnthropicEvent, parseEvents } from "./anthropic-events.ts";

const wireFolder = join(import.meta.dir, "../../fixtures/wire");

const streamFile = "post-v1-chat-completions-stream";

/** Every recorded or hand-made stream of chat completions: `server`, or `server case`. */
export function streamFixtures(): string[] {
  const paths = [...new Bun.Glob(`*/${streamFile}*.http`).scanSync(wireFolder)].sort();
  return paths.map((path) =>
    path
      .replace(/\.http$/, "")
      .replace(`/${streamFile}`, "")
      .replace("handmade-", "handmade "),
  );
}

/** Its bytes as they came: unlike `loadRecording` it leaves line ends alone. */
export async function readStreamFixture(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const [server = "", variant] = name.split(" ");
  const file = variant === undefined ? streamFile : `${streamFile}-${variant}`;
  return readBody(join(server, `${file}.http`));
}

/** The stream that the same server gave to a Messages client, where it knows that API. */
export async function readNativeStream(server: string): Promise<string> {
  return new TextDecoder().decode(await readBody(join(server, "post-v1-messages-stream.http")));
}

async function readBody(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = Buffer.from(await Bun.file(join(wireFolder, path)).arrayBuffer());
  const headEnd = /\r?\n\r?\n/.exec(file.toString("latin1"));
  if (headEnd === null) throw new Error(`${path} has no head`);
  return new Uint8Array(file.subarray(headEnd.index + headEnd[0].length));
}

export function targetOf(kind: string, model = "asked-model"): TranslationTarget {
  const profile = builtinProfiles().find(({ name }) => name === kind);
  if (profile === undefined) throw new Error(`there is no kind ${kind}`);
  return { profile, model, defaults: undefined };
}

/** What a client asked, with a stop sequence that one of the fixtures meets. */
export const streamedRequest = {
  model: "asked-model",
  max_tokens: 100,
  stream: true,
  stop_sequences: ["three"],
  messages: [{ role: "user", content: "Where does the river begin?" }],
};

export function translateMessages(body: object): Translation {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return createAnthropicApi({ isPassthroughOn: true }).translate({ body: bytes, requestId: "req-1" });
}

/** The client's text for an endpoint's stream that came in these pieces and then ended. */
export function streamText(pieces: Iterable<Uint8Array>, body: object = streamedRequest): string {
  const stream = translateMessages(body).openStream(targetOf("vllm"));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  const take = (bytes: Uint8Array | undefined) => {
    // Whole events only, so no piece may end inside a character.
    if (bytes !== undefined) text += decoder.decode(bytes);
  };
  for (const piece of pieces) take(stream.push(piece));
  take(stream.end());
  return text;
}

export function streamEvents(pieces: Iterable<Uint8Array>, body?: object): AnthropicEvent[] {
  return parseEvents(streamText(pieces, body));
}

/** Ids are made up anew each time. */
export function withoutMadeUpIds(text: string): string {
  return text.replace(/(msg|toolu)_01\w{22}/g, "$1_any");
}
