/** A request as it goes to one endpoint: everything decided, nothing left to add. */
export interface UpstreamRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Sent with its exact `Content-Length`; kept by the caller, so it can be sent again elsewhere. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** How bytes travel to an endpoint. */
export interface Transport {
  /**
   * Resolves with the response head. Rejects with the runtime's own error, or with the signal's reason.
   * @param onFreshConnection open a connection of its own instead of one that was kept alive
   */
  send(
    endpointName: string,
    request: UpstreamRequest,
    options: { readonly signal: AbortSignal; readonly onFreshConnection: boolean },
  ): Promise<Response>;
  /** Closes the kept-alive connections of an endpoint; running answers go on. */
  forget(endpointName: string): void;
  close(): void;
}

export interface RelaySettings {
  /** Answers with a declared length up to this many bytes are read whole before their head is sent on. */
  readonly wholeBodyLimitBytes: number;
}

export const engineNames = ["sherpa", "olla"] as const;
export type EngineName = (typeof engineNames)[number];

/** An engine is a record of choices; URL building, headers, failover, relay and statistics exist once, outside it. */
export interface Engine {
  readonly name: EngineName;
  readonly transport: Transport;
  readonly relay: RelaySettings;
}
