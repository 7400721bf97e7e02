import type { Complain } from "./key.ts";
import { describeSecret, describeType, describeValue } from "./problem.ts";

/** Reads an endpoint's address. A value that may hold a credential is never repeated. */
export function readEndpointUrl(raw: unknown, complain: Complain): string {
  const wanted = "expected a URL such as http://localhost:11434";
  if (typeof raw !== "string" || raw.trim() === "") {
    complain(`${wanted}, got ${raw === "" ? "nothing" : describeType(raw)}`);
    return "";
  }
  const text = raw.trim();
  const shown = describeAddress(text);
  const url = URL.parse(text);
  if (url !== null && isHttp(url) && (url.username !== "" || url.password !== "")) {
    complain(adviseOnCredentials(url));
  } else if (url === null || !isHttp(url)) {
    const hasOtherScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
    const guess = !hasOtherScheme && !text.includes("@") ? URL.parse(`http://${text}`) : null;
    complain(
      `${wanted}, got ${shown}${guess === null ? "" : `; did you mean ${describeValue(`http://${withoutQuery(text)}`)}?`}`,
    );
  } else if (!/^https?:\/\/[^/?#]/i.test(text)) {
    complain(`${wanted}, got ${shown}, which names no host`);
  }
  return text;
}

/** Two addresses with one key lead to the same place. `undefined` when the text is no URL. */
export function normaliseUrl(text: string): string | undefined {
  const url = URL.parse(text.trim());
  if (url === null) return undefined;
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}${url.search}`;
}

/** `host:port` of an address, for endpoints without a name. */
export function nameFromUrl(text: string): string | undefined {
  const url = URL.parse(text.trim());
  if (url === null || url.host === "") return undefined;
  const usualPort = url.protocol === "https:" ? "443" : "80";
  return `${url.hostname}:${url.port || usualPort}`;
}

/** `health_check_url` and `model_url`: a path below the endpoint, or an address of its own. */
export function checkEndpointPath(text: string): string | undefined {
  if (!text.includes("://")) return undefined;
  const url = URL.parse(text);
  if (url === null || !isHttp(url)) {
    return `expected a path such as /health, or an http or https URL, got ${describeAddress(text)}`;
  }
  if (url.username === "" && url.password === "") return undefined;
  return "expected a URL without user name and password; put them into the endpoint's auth block";
}

/** Names travel in response headers, so they keep to what every header may hold. */
export function checkEndpointName(name: string): string | undefined {
  if (name === "" || /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)) return undefined;
  return "expected a name of printable ASCII characters without spaces around it";
}

/** Credentials stand before an `@`, or in the query. */
function describeAddress(text: string): string {
  return text.includes("@") ? describeSecret(text) : describeValue(withoutQuery(text));
}

function withoutQuery(text: string): string {
  return text.replace(/[?#].*$/s, "");
}

function isHttp(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

function adviseOnCredentials(url: URL): string {
  const isUserOnly = url.password === "";
  const masked = `${url.protocol}//${isUserOnly ? "<username>" : "<username>:<password>"}@${url.host}`;
  const basic = 'auth: { type: basic, username: "<username>", password: "<password>" }';
  const bearer = 'auth: { type: bearer, token: "<token>" }';
  return `expected a URL without credentials, got ${masked}; write url: ${url.protocol}//${url.host} and ${basic}${
    isUserOnly ? `, or, if the user name is a token, ${bearer}` : ""
  }`;
}

/** A name as it stands in a certificate: no scheme, port or wildcard. */
export function checkServerName(name: string): string | undefined {
  return name.trim() === "" || /^[a-z0-9_:](?:[a-z0-9._:-]*[a-z0-9_:.])?$/i.test(name.trim())
    ? undefined
    : `expected a host name such as gpu-box.lan, got ${describeValue(name)}`;
}
