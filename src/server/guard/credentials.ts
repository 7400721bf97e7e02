/** What a client shows to say who it is. */
export type Credentials =
  | { readonly kind: "none" }
  /** Something is there, but it can't be a key. `reason` is for its sender, and shows nothing of it. */
  | { readonly kind: "malformed"; readonly reason: string }
  /** Texts that may be a key, at most two. */
  | { readonly kind: "given"; readonly texts: readonly string[] };

const none: Credentials = { kind: "none" };
/** As a header carries a key: no spaces, and no comma, which says that the header was there twice. */
const keyShape = /^[\x21-\x2b\x2d-\x7e]+$/;
const longestKey = 1_024;

/**
 * Reads `Authorization: Bearer`, the password of `Authorization: Basic`, and `x-api-key`. Programs that speak two APIs
 * send two headers, and one of them may be a placeholder: so where both are there, either may be the key.
 */
export function readCredentials(headers: Headers): Credentials {
  const authorization = headers.get("authorization");
  const apiKey = headers.get("x-api-key");
  if (authorization === null && apiKey === null) return none;
  const first = authorization === null ? none : readAuthorization(authorization);
  const second = apiKey === null ? none : asKey(apiKey.trim(), "The header x-api-key");
  const texts = [first, second].flatMap((found) => (found.kind === "given" ? found.texts : []));
  if (texts.length > 0) return { kind: "given", texts };
  return first.kind === "malformed" ? first : second;
}

function readAuthorization(header: string): Credentials {
  const [, scheme = "", rest = ""] = /^\s*(\S+)\s*(.*?)\s*$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return asKey(rest, "The header Authorization");
    case "basic":
      return readBasic(rest);
    default:
      return malformed("The header Authorization must say Bearer and the key, or Basic");
  }
}

function readBasic(encoded: string): Credentials {
  if (encoded.length > 4 * longestKey || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) {
    return malformed("The header Authorization says Basic, but nothing in base64 follows");
  }
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return malformed("The header Authorization says Basic, but there is no password in it");
  return asKey(decoded.slice(colon + 1), "The password");
}

function asKey(text: string, subject: string): Credentials {
  if (text === "") return malformed(`${subject} holds no key`);
  if (text.includes(",")) return malformed(`${subject} is there more than once, or holds a comma`);
  if (text.length > longestKey || !keyShape.test(text)) return malformed(`${subject} holds no key of ours`);
  return { kind: "given", texts: [text] };
}

function malformed(reason: string): Credentials {
  return { kind: "malformed", reason };
}
