import type { ListenerDraft } from "../config/drafts.ts";
import { isLoopbackHost } from "../lib/loopback.ts";
import { UsageError } from "./arguments.ts";
import { harmless } from "./safe-text.ts";

/** Where a running Olla answers to operators. */
export interface OllaAddress {
  /** Without a slash at the end. Behind a Unix socket the host means nothing. */
  readonly base: string;
  readonly socketPath: string | undefined;
  /** As people know it. */
  readonly shown: string;
  /** Whether nobody but this machine can be there. */
  readonly isThisMachine: boolean;
}

const socketPrefix = "unix:";
const wildcards = ["", "0.0.0.0", "::"];

export function addressFrom({ host, port, adminPort, hasTls }: ListenerDraft): OllaAddress {
  const scheme = hasTls ? "https" : "http";
  if (host.startsWith(socketPrefix)) return socketAddress(host.slice(socketPrefix.length), scheme);
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  const name = wildcards.includes(plain) ? "localhost" : plain;
  return networkAddress(
    new URL(`${scheme}://${name.includes(":") ? `[${name}]` : name}:${adminPort ?? port}`),
  );
}

/**
 * Reads `--url`: http or https, also without the scheme, or `unix:` and a path.
 * @throws UsageError for anything else, and for a URL with a password in it
 */
export function parseAddress(text: string): OllaAddress {
  if (text.startsWith(socketPrefix)) {
    const path = text.slice(socketPrefix.length);
    if (path === "") throw new UsageError("--url: expected a path behind unix:, got nothing");
    return socketAddress(path, "http");
  }
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw new UsageError(
      `--url: expected http://HOST:PORT, https://HOST:PORT or unix:PATH, got "${harmless(text)}"`,
    );
  }
  // Every user of this machine sees the arguments of every program.
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      "--url: expected no password in it; the admin key comes from OLLA_SERVER_ADMIN_KEY or --key-file",
    );
  }
  return networkAddress(url);
}

function networkAddress(url: URL): OllaAddress {
  const base = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  return { base, socketPath: undefined, shown: base, isThisMachine: isLoopbackHost(url.hostname) };
}

function socketAddress(path: string, scheme: string): OllaAddress {
  return {
    base: `${scheme}://localhost`,
    socketPath: path,
    shown: `${socketPrefix}${harmless(path)}`,
    isThisMachine: true,
  };
}
