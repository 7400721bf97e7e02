export interface ConnectTarget {
  /** IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Where a connection for an http or https URL goes. */
export function connectTargetOf(url: string): ConnectTarget {
  const { hostname, port, protocol } = new URL(url);
  const usualPort = protocol === "https:" ? 443 : 80;
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? usualPort : Number(port) };
}
