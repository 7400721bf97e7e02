/** Tests a `Host` header; null and empty pass, because clients of HTTP/1.0 need not send any, and no browser does that. */
export type HostTest = (header: string | null) => boolean;

export interface HostNames {
  /** Names that are ours, in any case: the machine's, and the one to listen on. */
  readonly own: readonly string[];
  /** Names that the operator listed; one `*` inside stands for anything. */
  readonly listed: readonly string[];
}

/**
 * Names that nobody can register in public DNS: this machine, names in the local network, names that Docker gives.
 * Ollama knows the same ones.
 */
const privateEndings = [".localhost", ".local", ".internal"];
/** A host and perhaps a port, and nothing that would make a URL parser see something else as the host. */
const hostShape = /^[^\s/?#@\\,]+$/;
/** Different spellings of names that are known; more would be somebody's play. */
const mostRemembered = 64;

/**
 * Knows the names by which programs may call a listener on loopback. A web page can make its own name lead to
 * 127.0.0.1 (DNS rebinding), and is then of the same origin for its browser; but it cannot hide that name. An address
 * needs no name to be led anywhere, so any will do.
 */
export function createHostTest({ own, listed }: HostNames): HostTest {
  const names = new Set(["localhost", ...own.map(plainName)]);
  const patterns = listed.map((pattern) => matchOneStar(plainName(pattern)));
  const isKnown = (header: string): boolean => {
    if (!hostShape.test(header)) return false;
    const hostname = URL.parse(`http://${header}`)?.hostname;
    if (hostname === undefined) return false;
    const name = plainName(hostname);
    if (isAddress(name) || names.has(name)) return true;
    return (
      privateEndings.some((ending) => name.endsWith(ending)) || patterns.some((matches) => matches(name))
    );
  };
  const remembered = new Set<string>();
  return (header) => {
    if (header === null || header === "" || remembered.has(header)) return true;
    if (!isKnown(header)) return false;
    if (remembered.size < mostRemembered) remembered.add(header);
    return true;
  };
}

/** Compares whole texts; one `*` inside the pattern stands for any run of characters. */
export function matchOneStar(pattern: string): (text: string) => boolean {
  const starAt = pattern.indexOf("*");
  if (starAt < 0) return (text) => text === pattern;
  const beginning = pattern.slice(0, starAt);
  const ending = pattern.slice(starAt + 1);
  const least = beginning.length + ending.length;
  return (text) => text.length >= least && text.startsWith(beginning) && text.endsWith(ending);
}

function plainName(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

/** Of a name that went through a URL parser, which writes every form of an IPv4 address in the same way. */
function isAddress(name: string): boolean {
  return name.includes(":") || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name);
}
