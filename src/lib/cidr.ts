import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
interface Range {
  readonly address: Address;
  readonly length: number;
}

const rangeShape = /^([^/]+)\/(\d{1,3})$/;
/** Of an IPv6 address, what a provider gives to one customer. */
const customerBits = 64;

/** Says what is wrong with a range as an operator wrote it, and which one was probably meant; undefined when nothing is. */
export function describeCidrFault(text: string): string | undefined {
  const got = `got ${JSON.stringify(text)}`;
  const range = parseRange(text);
  if (range === undefined) {
    const lone = parseAddress(text);
    const hint = lone === undefined ? "" : `; write ${text}/${bitsOf(lone)} for one address`;
    return `expected a range such as 10.0.0.0/8, ${got}${hint}`;
  }
  const { address, length } = range;
  const network = networkAddress(address, length);
  if (network.toString() === address.toString()) return undefined;
  return `expected a range, ${got}, which is an address inside ${network.toString()}/${length}; write that for the range, or ${address.toString()}/${bitsOf(address)} for the address alone`;
}

/** Tests addresses against ranges. What is no address is in none of them. @throws Error for ranges that have a fault */
export function compileCidrs(texts: readonly string[]): (address: string) => boolean {
  const ranges = texts.map((text) => {
    const range = parseRange(text);
    if (range === undefined) throw new Error(`not a range: ${text}`);
    return range;
  });
  return (text) => {
    const address = parseAddress(text);
    return address !== undefined && ranges.some((range) => isWithin(address, range));
  };
}

/**
 * An address as proxies write it in headers: alone, with a port, in brackets, in quotes, with a zone. Returns it in one
 * spelling, IPv4-mapped addresses as IPv4; undefined for everything else, abbreviations such as `127.1` included.
 */
export function readAddress(text: string): string | undefined {
  // The longest one, with brackets, zone, port and quotes, is shorter.
  if (text.length > 128) return undefined;
  const bare = text.trim().replace(/^"(.*)"$/, "$1");
  const inBrackets = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(bare)?.[1];
  const withoutPort = inBrackets ?? bare.replace(/^([\d.]+):\d{1,5}$/, "$1");
  return parseAddress(withoutPort.replace(/%[\w.~-]+$/, ""))?.toString();
}

/** Who shares a limit: an IPv4 address, or the 64 bits of an IPv6 address that one customer has. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const parsed = parseAddress(address.replace(/%.*$/, ""));
  if (parsed === undefined || parsed.kind() === "ipv4") return parsed?.toString() ?? address;
  return `${networkAddress(parsed, customerBits).toString()}/${customerBits}`;
}

/** Only the usual spellings: the library reads `0x7f.1` and `010.0.0.1`, and what for is anybody's guess. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** A range of IPv4-mapped addresses is the range of those IPv4 addresses. */
function parseRange(text: string): Range | undefined {
  const [, addressText = "", lengthText = ""] = rangeShape.exec(text) ?? [];
  const address = parseAddress(addressText);
  if (address === undefined) return undefined;
  const isMapped = address.kind() === "ipv4" && addressText.includes(":");
  const length = isMapped ? Number(lengthText) - 96 : Number(lengthText);
  return length >= 0 && length <= bitsOf(address) ? { address, length } : undefined;
}

function bitsOf(address: Address): number {
  return address.kind() === "ipv4" ? 32 : 128;
}

function isWithin(address: Address, { address: network, length }: Range): boolean {
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, length);
  return network instanceof ipaddr.IPv6 && address.match(network, length);
}

function networkAddress(address: Address, prefixLength: number): Address {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff00 >> kept);
  });
  return ipaddr.fromByteArray(bytes);
}
