import type { Profile } from "../profiles/profile.ts";

/** What is kept of an endpoint's address: `url` for people and ids, the rest for building requests. */
export interface EndpointAddress {
  /** As written, without userinfo, query and fragment. */
  readonly url: string;
  /** `scheme://host:port`. */
  readonly origin: string;
  /** `""` or a path without a trailing slash. */
  readonly basePath: string;
}

/** @returns `undefined` when the text is no http or https URL. */
export function parseEndpointUrl(text: string): EndpointAddress | undefined {
  const parsed = URL.parse(text.trim());
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.host === "") return undefined;
  return {
    url: text
      .trim()
      .replace(/[?#].*$/s, "")
      .replace(/\/\/[^/]*@/, "//"),
    origin: `${parsed.protocol}//${parsed.host}`,
    basePath: collapseSlashes(parsed.pathname),
  };
}

/** What OpenAI's own addresses end with, and most that were made after them. */
export const openaiVersion = "/v1";

/**
 * One of a kind's own paths. People write down what they give to clients, such as `http://host:1234/v1`; what such an
 * address ends with stands before OpenAI's paths only, and these name it themselves.
 * @param base with or without a path
 * @param profile of the kind whose path it is
 */
export function resolveKindUrl(
  base: string,
  { openaiBase }: Pick<Profile, "openaiBase">,
  path: string,
): string {
  const trimmed = base.replace(/\/+$/, "");
  const ending = [openaiBase, openaiVersion].find((each) => each !== "" && trimmed.endsWith(each));
  return resolveEndpointUrl(ending === undefined ? base : trimmed.slice(0, -ending.length), path);
}

/**
 * The address of a health check or model list: `path` below `base`, whose own path stays in front; double and
 * trailing slashes go, and so does the second of two `/v1` that meet. An address with a scheme is taken as it is, an
 * empty path means `base`.
 */
export function resolveEndpointUrl(base: string, path: string): string {
  if (path === "") return base;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return path;
  const address = parseEndpointUrl(base);
  if (address === undefined) return path;
  const queryStart = path.search(/[?#]/);
  const pathOnly = queryStart === -1 ? path : path.slice(0, queryStart);
  const query = queryStart === -1 ? "" : path.slice(queryStart);
  const joined = collapseSlashes(`${address.basePath}/${pathOnly}`).replace(
    /\/v1\/v1(?=\/|$)/,
    openaiVersion,
  );
  return `${address.origin}${joined === "" ? "/" : joined}${query}`;
}

/** Double and trailing slashes go; `/` becomes empty. */
function collapseSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/").replace(/\/$/, "");
}
