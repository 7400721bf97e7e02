import { OllaError } from "../errors.ts";
import type { WriteShaper } from "../proxy/delivery.ts";
import { readRefusal } from "../translate/answer-error.ts";
import type { AnswerStream } from "../translate/client-api.ts";
import type { TranslatedDispatch } from "./encode-attempt.ts";
import type { Forwarded } from "./forwarding.ts";

/** The client's answer to what an endpoint of another dialect said. @throws OllaError `malformed_response` */
export function translateWhole(
  { answer: { response } }: Forwarded,
  { translation, target }: TranslatedDispatch,
  bytes: Uint8Array,
): { readonly status: number; readonly bytes: Uint8Array; readonly headers: Headers } {
  const { status, headers } = response;
  if (!response.ok) {
    // Nobody can read a compressed one, but its status says enough to act on.
    const refusal = translation.renderRefusal(readRefusal(isEncoded(headers) ? nothing : bytes, status));
    const own = translationHeaders(headers, refusal.contentType, false);
    return { status: refusal.status, bytes: refusal.body, headers: own };
  }
  refuseEncoded(headers);
  const { contentType, body } = translation.decodeWhole(bytes, target);
  return {
    status: 200,
    bytes: body,
    headers: translationHeaders(headers, contentType, translation.isStream),
  };
}

/** Of the endpoint's own headers only those stay that are true of the translated answer, too. */
export function translationHeaders(upstream: Headers, contentType: string, isStream: boolean): Headers {
  const headers = new Headers({ "Content-Type": contentType });
  if (isStream) headers.set("Cache-Control", "no-cache");
  const retryAfter = upstream.get("retry-after");
  if (retryAfter !== null) headers.set("Retry-After", retryAfter);
  return headers;
}

/**
 * Hands the endpoint's pieces to the translation and what that makes of them on.
 * @param isCut whether the endpoint's stream ended before its end, which the relay tells the client; asked when nothing
 * more will come
 */
export function translateWrites(inner: WriteShaper, stream: AnswerStream, isCut: () => boolean): WriteShaper {
  return {
    push(chunk) {
      const said = stream.push(chunk);
      if (said !== undefined) inner.push(said);
    },
    end() {
      const last = isCut() ? undefined : stream.end();
      if (last !== undefined) inner.push(last);
      inner.end();
    },
    next: () => inner.next(),
    flush: () => inner.flush(),
  };
}

const nothing = new Uint8Array(0);

/** We asked for none. @throws OllaError `malformed_response` */
export function refuseEncoded(headers: Headers): void {
  if (!isEncoded(headers)) return;
  throw new OllaError("malformed_response", "The endpoint's answer can't be translated: it is compressed");
}

function isEncoded(headers: Headers): boolean {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  return encoding !== "" && encoding !== "identity";
}
