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

/**
 * The address of a health check or model list: `path` below `base`, whose own path stays in front; double and
 * trailing slashes go. An address with a scheme is taken as it is, an empty path means `base`.
 */
export function resolveEndpointUrl(base: string, path: string): string {
  if (path === "") return base;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return path;
  const address = parseEndpointUrl(base);
  if (address === undefined) return path;
  const queryStart = path.search(/[?#]/);
  const pathOnly = queryStart === -1 ? path : path.slice(0, queryStart);
  const query = queryStart === -1 ? "" : path.slice(queryStart);
  const joined = collapseSlashes(`${address.basePath}/${pathOnly}`);
  return `${address.origin}${joined === "" ? "/" : joined}${query}`;
}

/** Double and trailing slashes go; `/` becomes empty. */
function collapseSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/").replace(/\/$/, "");
}
