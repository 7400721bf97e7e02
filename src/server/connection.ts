/** The part of Bun's server that handlers may use: who is on the other side, and how long silence may last. */
export interface ConnectionControl {
  /** Null for a connection that is already gone. Must be asked before anything is awaited. */
  requestIP(request: Request): { readonly address: string } | null;
  /** Idle timeout of the request's connection; 0 switches it off. Sticks to the connection. */
  timeout(request: Request, seconds: number): void;
  /** What the listener speaks, whatever scheme a request line claims. */
  readonly protocol?: "http" | "https" | null;
  readonly url?: URL;
}

/**
 * The peer's address, IPv4-mapped addresses written as IPv4; `unknown` when the connection is gone. Who comes through a
 * Unix socket is on this machine and has no address but its own.
 */
export function peerAddress(request: Request, connection: ConnectionControl): string {
  const address = connection.requestIP(request)?.address;
  if (address === undefined) return connection.url?.protocol === "unix:" ? "127.0.0.1" : "unknown";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
