import type { ClientTls } from "../lib/client-tls.ts";

/** A request as it goes to one endpoint: everything decided, nothing left to add. */
export interface UpstreamRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Sent with its exact `Content-Length`; kept by the caller, so it can be sent again elsewhere. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

export interface SendOptions {
  readonly signal: AbortSignal;
  /** Open a connection of its own instead of taking one that was kept alive. */
  readonly onFreshConnection: boolean;
  /** How the endpoint is checked, where it is https. */
  readonly tls?: ClientTls | undefined;
}

/** How bytes travel to an endpoint. */
export interface Transport {
  /**
   * Resolves with the response head. Rejects with the runtime's own error, or with the signal's reason.
   * @param origin `scheme://host:port` of the request's URL
   */
  send(origin: string, request: UpstreamRequest, options: SendOptions): Promise<Response>;
  /** Closes the kept-alive connections to an origin; running answers go on. */
  forget(origin: string): void;
  close(): void;
}

export interface RelaySettings {
  /** Answers with a declared length up to this many bytes are read whole before their head is sent on. */
  readonly wholeBodyLimitBytes: number;
  /** Largest single write of a stream, and what a coalesced body is collected up to, unless the user says otherwise. */
  readonly writeLimitBytes: number;
}

export const engineNames = ["sherpa", "olla"] as const;
export type EngineName = (typeof engineNames)[number];

/** An engine is a record of choices; URL building, headers, failover, relay and statistics exist once, outside it. */
export interface Engine {
  readonly name: EngineName;
  /** Whether an endpoint that keeps failing is left alone for a while. */
  readonly hasBreaker: boolean;
  readonly transport: Transport;
  readonly relay: RelaySettings;
}
