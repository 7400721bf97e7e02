/** Whether an address is this machine's own, `127.0.0.0/8` or `::1`, as addresses are written. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(address);
}

/** Whether a host, as a URL has it, always means this machine (RFC 6761). @param host lower case, IPv6 in brackets or not */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name);
}
