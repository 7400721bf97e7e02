import { OllaError } from "../errors.ts";
import type { WriteShaper } from "../proxy/delivery.ts";
import { readRefusal } from "../translate/answer-error.ts";
import type { AnswerStream } from "../translate/client-api.ts";
import type { TranslatedDispatch } from "./encode-attempt.ts";
import type { Forwarded } from "./forward.ts";

/** The client's answer to what an endpoint of another dialect said. @throws OllaError `malformed_response` */
export function translateWhole(
  { answer: { response } }: Forwarded,
  { translation, target }: TranslatedDispatch,
  bytes: Uint8Array,
): { readonly status: number; readonly bytes: Uint8Array; readonly headers: Headers } {
  const { status, headers } = response;
  refuseEncoded(headers);
  if (!response.ok) {
    const refusal = translation.renderRefusal(readRefusal(bytes, status));
    const own = translationHeaders(headers, refusal.contentType, false);
    return { status: refusal.status, bytes: refusal.body, headers: own };
  }
  const { contentType, body } = translation.decodeWhole(bytes, target);
  return {
    status: 200,
    bytes: body,
    headers: translationHeaders(headers, contentType, translation.isStream),
  };
}

/** Of the endpoint's own headers only those stay that are true of the translated answer, too. */
export function translationHeaders(upstream: Headers, contentType: string, isStream: boolean): Headers {
  refuseEncoded(upstream);
  const headers = new Headers({ "Content-Type": contentType });
  if (isStream) headers.set("Cache-Control", "no-cache");
  const retryAfter = upstream.get("retry-after");
  if (retryAfter !== null) headers.set("Retry-After", retryAfter);
  return headers;
}

/**
 * Hands the endpoint's pieces to the translation and what that makes of them on.
 * @param isWhole whether the endpoint's stream has come to its own end; asked when nothing more will come
 */
export function translateWrites(
  inner: WriteShaper,
  stream: AnswerStream,
  isWhole: () => boolean,
): WriteShaper {
  return {
    push(chunk) {
      const said = stream.push(chunk);
      if (said !== undefined) inner.push(said);
    },
    end() {
      const last = isWhole() ? stream.end() : undefined;
      if (last !== undefined) inner.push(last);
      inner.end();
    },
    next: () => inner.next(),
    flush: () => inner.flush(),
  };
}

/** We asked for none. */
function refuseEncoded(headers: Headers): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new OllaError("malformed_response", "The endpoint's answer can't be translated: it is compressed");
}
