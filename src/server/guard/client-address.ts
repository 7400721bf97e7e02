import { readAddress } from "../../lib/cidr.ts";

/** Who sent a request, as far as it can be believed. */
export interface ClientOrigin {
  /** The client's address, or the TCP peer's where nobody who is trusted tells another. */
  readonly address: string;
  /** What of `X-Forwarded-For` is believed, the client first, without the peer; undefined where nothing is. */
  readonly forwardedFor: string | undefined;
  readonly isFromTrustedProxy: boolean;
}

/** @param peer its TCP address */
export type ReadClientOrigin = (peer: string, headers: Headers) => ClientOrigin;

/** More proxies in a row than anybody has. Whatever stands before them is not looked at. */
const mostHops = 32;

/**
 * Reads `X-Forwarded-For` from its end, where the nearest proxy wrote: each entry is believed as long as the one behind
 * it, or the peer, is a trusted proxy. So a client can write what it likes at the beginning.
 */
export function createOriginReader(isTrusted: (address: string) => boolean): ReadClientOrigin {
  return (peer, headers) => {
    if (!isTrusted(peer)) return { address: peer, forwardedFor: undefined, isFromTrustedProxy: false };
    const header = headers.get("x-forwarded-for");
    const chain = header === null ? [] : readChain(header, isTrusted);
    const realIp = header === null ? readAddress(headers.get("x-real-ip") ?? "") : undefined;
    const address = chain[0] ?? realIp ?? peer;
    const forwardedFor = chain.length > 0 ? chain.join(", ") : realIp;
    return { address, forwardedFor, isFromTrustedProxy: true };
  };
}

/** The believed addresses, the client first. */
function readChain(header: string, isTrusted: (address: string) => boolean): string[] {
  const chain: string[] = [];
  let end = header.length;
  while (end > 0 && chain.length < mostHops) {
    const comma = header.lastIndexOf(",", end - 1);
    // Nothing behind a comma, or a word such as `unknown`: who stands further left is not known to be real.
    const address = readAddress(header.slice(comma + 1, end));
    if (address === undefined) break;
    chain.unshift(address);
    if (!isTrusted(address)) break;
    end = comma;
  }
  return chain;
}
